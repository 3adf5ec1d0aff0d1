"""How the status page looks: on a phone, in the dark, on paper."""

from typing import Final

STYLE: Final = """
:root { --ink: #1b1f24; --paper: #fff; --dim: #57606a; --line: #d0d7de; --soft: #f3f5f7;
  --green: #116329; --amber: #7d4e00; --red: #a40e26;
  --green-soft: #dafbe1; --amber-soft: #fff3cd; --red-soft: #ffe1e1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --dim: #9aa4af; --line: #30363d; --soft: #1a2028;
    --green: #56d364; --amber: #e3b341; --red: #ff7b72;
    --green-soft: #10311a; --amber-soft: #3a2d08; --red-soft: #3f1416; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; margin: 0; }
h2 { font-size: 1.2rem; margin: 1.5rem 0 0; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
h4 { font-size: 1rem; margin: 0; }
p { margin: .35rem 0 0; }
header p, .title, .version, .dim { color: var(--dim); font-size: .9rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { border: 1px solid var(--line); border-left-width: .3rem; border-radius: .4rem;
  padding: .6rem .75rem; margin: 0 0 .6rem; }
li.fail { border-left-color: var(--red); }
li.fail h4 { color: var(--red); }
li.no_evidence { border-left-color: var(--amber); }
li.no_evidence h4 { color: var(--amber); }
li.pass, li.waived { border-left-color: var(--green); }
.answer { border-radius: .4rem; padding: .75rem; font-size: 1.1rem; }
.answer span { display: block; font-weight: 600; }
.answer.green { background: var(--green-soft); color: var(--green); }
.answer.amber { background: var(--amber-soft); color: var(--amber); }
.answer.red { background: var(--red-soft); color: var(--red); }
.answer strong { color: var(--ink); font-weight: 600; }
code { display: block; padding: .45rem .55rem; border-radius: .3rem; background: var(--soft);
  font: .85rem/1.4 ui-monospace, monospace; }
summary { cursor: pointer; padding: .6rem 0; font-weight: 600; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  li, .answer { break-inside: avoid; }
}
"""
"""Its sha256 stands in the page's policy: no other style is taken."""
