"""The findings about a feature written down as its YAML, part by part, with the reasons."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ai_ops.ai_features.drafting.answers import TRUTHS
from ai_ops.ai_features.drafting.calendar import REFERENCE_WEEKS
from ai_ops.ai_features.drafting.facts import ColumnFacts
from ai_ops.ai_features.drafting.questions import Question
from ai_ops.ai_features.drafting.text import Page

if TYPE_CHECKING:
    from ai_ops.ai_features.drafting.drafting import Findings


def page_of(found: "Findings", questions: Sequence[Question]) -> Page:
    """The YAML of a feature, with the questions that are open above the lines they are about."""
    page = Page(questions)
    page.key("type", "ai_ops.AiFeature")
    page.gap()
    rows = found.tables.predictions.rows
    page.comment(
        f"Drafted from {rows:,} rows of {found.tables.files}. A comment that begins with QUESTION "
        "waits for an answer: mend the line below it and remove the comment; `ai-ops features "
        "check` lists those that are left."
    )
    page.open("attributes")
    page.key("name", found.name)
    page.comment("The question that the model answers, in words.")
    page.key("title", found.title, "title")
    page.comment(
        "external: trained and served elsewhere. own_model: trained and registered here. "
        "provider_api: a model behind somebody's API."
    )
    page.key("served_by", found.served_by, "served_by")
    _monitoring(page, found)
    _source(page, found)
    _columns(page, found)
    _judged(page, found)
    _truth(page, found)
    _reference(page, found)
    _owners(page, found)
    _thresholds(page, found)
    for question in page.unshown():
        page.ask(question.field)
    return page


def _monitoring(page: Page, found: "Findings") -> None:
    calendar = found.calendar
    span: dict[str, Any] = {"start": calendar.start}
    if calendar.reference:
        page.comment("From the day after the reference (below).")
    else:
        page.comment("From the first whole day of the log.")
    if calendar.end:
        span["end"] = calendar.end
        page.comment("It ends (exclusive) where the log does; remove `end` while the log goes on.")
    page.key("monitoring", span)


def _source(page: Page, found: "Findings") -> None:
    page.gap()
    page.open("source")
    page.comment("A glob of Parquet or CSV files: absolute, below the root, or s3://….")
    page.key("files", found.tables.files)
    members = {"id": found.id.name if found.id else None}
    members["time"] = found.time.name if found.time else None
    members |= found.members
    if found.label is not None and found.label.inside:
        members |= {"label": found.label.column.name, "available_at": found.label.available_at}
    shown = {name: column for name, column in members.items() if column is not None}
    if found.id is None:
        page.comment("No column names a prediction: ids are made from what each row holds.")
    for member in members:
        if member not in shown:
            page.ask(f"source.columns.{member}")
    if shown:
        page.open("columns")
        for member, column in shown.items():
            page.key(member, column, f"source.columns.{member}")
        page.close()
    outputs = {name: facts.name for name, facts in found.outputs if name != facts.name}
    inputs = {one.name: one.column for one in found.inputs if one.name != one.column}
    for role, mapping in (("inputs", inputs), ("outputs", outputs)):
        if mapping:
            page.comment("The columns whose names cannot stand in the YAML as they are.")
            page.open(role)
            for name, column in mapping.items():
                page.key(name, column)
            page.close()
    if found.time_zone:
        page.key("time_zone", found.time_zone, "source.time_zone")
    if found.synthetic:
        made_up = found.synthetic
        page.comment("A synthetic calendar: the rows have an order and no times.")
        page.open("calendar", "source.columns.time")
        page.key("start", made_up.start)
        page.key("rows_a_day", made_up.rows_a_day, "source.calendar.rows_a_day")
        if made_up.order_column:
            page.key("order_column", made_up.order_column, "source.calendar.order_column")
        page.close()
    if "model_version" not in found.members:
        page.comment("No column tells the model's version: every row counts as this one.")
        page.key("version", "1")
    page.close()


def _columns(page: Page, found: "Findings") -> None:
    page.gap()
    if found.inputs:
        page.open("inputs")
    else:
        page.comment(
            "QUESTION: no column is left that could be an input of the model: declare at least "
            "one, for without inputs nothing shows drift."
        )
        page.key("inputs", [])
    for one in found.inputs:
        shown: dict[str, Any] = {"name": one.name, "type": one.type}
        page.item(shown | ({"nullable": True} if one.nullable else {}), one.remark)
    for left in found.left_out:
        page.left_out(f"Left out: {left.column} {left.reason}.")
    if found.inputs:
        page.close()
    page.gap()
    page.open("outputs")
    for name, facts in found.outputs:
        page.item({"name": name, "type": _type_of(facts, found)})
    page.close()


def _type_of(facts: ColumnFacts, found: "Findings") -> str:
    answers = found.answers
    if facts.name == answers.decision:
        yes_no = facts.kind == "boolean" or (facts.values and set(facts.values) <= TRUTHS)
        return "boolean" if yes_no and answers.kind != "classes" else "category"
    if facts.name == answers.score and answers.kind != "none":
        return "number" if answers.kind == "number" else "probability"
    if facts.kind == "boolean":
        return "boolean"
    if not facts.numeric:
        return "category"
    return "probability" if facts.in_unit else "number"


def _judged(page: Page, found: "Findings") -> None:
    answers = found.answers
    page.open("judged")
    for role, column in (("score", answers.score), ("decision", answers.decision)):
        page.ask(f"judged.{role}")
        if column is not None:
            page.key(role, found.output(column))
    if answers.probabilities:
        page.open("probabilities", "judged.probabilities")
        for label, column in answers.probabilities:
            page.key(label, found.output(column))
        page.close()
    if answers.threshold is not None:
        page.comment("Where the score becomes the decision in these rows.")
        page.key("threshold", answers.threshold)
    elif answers.kind == "binary" and answers.score and not answers.decision:
        page.comment("No column tells the decision: from which score on is it yes?")
        page.key("threshold", 0.5)
    elif not answers.columns:
        page.key("score", "WHICH?")
    page.close()


def _truth(page: Page, found: "Findings") -> None:
    page.gap()
    label, kind = found.label, found.answers.kind
    page.open("ground_truth")
    for about in ("source.columns.label", "source.columns.available_at"):
        page.ask(about)
    page.key("kind", kind, "ground_truth.kind")
    if label is None:
        page.close()
        return
    if not label.inside:
        page.key("labels", found.tables.label_files)
        page.key("id_column", label.id or "id", "ground_truth.id_column")
        page.key("label_column", label.column.name, "ground_truth.label_column")
        about = "ground_truth.available_at_column"
        if label.available_at is None:
            page.comment("No column tells when a label became known: after the hours below.")
        page.key("available_at_column", label.available_at, about)
    if found.answers.positive is not None:
        page.key("positive", found.answers.positive, "ground_truth.positive")
    if found.hours_measured:
        page.comment("95 % of these labels were known after so long.")
    hours = found.mature_after_hours
    shown = int(hours) if hours == int(hours) else hours
    page.key("mature_after_hours", shown, "ground_truth.mature_after_hours")
    share = _labelled(found)
    if share < 1:
        page.comment(f"{share:.0%} of these rows have a label.")
        page.key("minimum_coverage", max(0.05, int(share * 18) / 20))
    if found.served_by != "own_model":
        page.comment("Nothing is trained here: every labelled prediction may be evaluated.")
        page.key("evaluation_share", 1.0)
    least = min(200, max(30, int(found.calendar.week_rows * share) // 2))
    if least < 200:
        page.comment("Half of what an ordinary week has: a week with fewer labels is not judged.")
        page.key("minimum_labels", least)
    page.close()


def _labelled(found: "Findings") -> float:
    rows = found.tables.predictions.rows
    if found.label is None:
        return 0.0
    return min(1.0, (found.label.column.rows - found.label.column.nulls) / rows)


def _reference(page: Page, found: "Findings") -> None:
    page.ask("reference")
    if found.served_by == "own_model":
        return
    if found.tables.reference_files:
        page.comment("What is normal: a reference set with the columns of the source.")
        page.key("reference", {"files": found.tables.reference_files})
    elif found.calendar.reference:
        first, last = found.calendar.reference
        weeks = ((last - first).days + 1) // 7
        page.comment(
            f"What is normal: the first {weeks} weeks of the log (drift takes {REFERENCE_WEEKS} at "
            "least). Choose others if something was wrong in them."
        )
        page.key("reference", {"first_day": first, "last_day": last})


def _owners(page: Page, found: "Findings") -> None:
    page.gap()
    page.comment("A person answers for each: whoever is told, and whose signature counts.")
    page.open("owners")
    for domain, mail in found.owners.items():
        page.ask(f"owners.{domain}.accountable")
        page.key(domain, {"accountable": mail})
    page.key("accuracy_evaluation", {"follows": "drift_monitoring"})
    page.close()


def _thresholds(page: Page, found: "Findings") -> None:
    page.gap()
    week, least = found.calendar.week_rows, found.calendar.minimum_rows
    page.comment(
        f"An ordinary week has {week:,} rows; a window with fewer than this is not judged."
    )
    page.key("drift", {"minimum_rows": least})
    if week < 2 * least:
        page.comment(
            "So few rows show large changes only: widen drift.window_days beyond 7 to see more."
        )
    if found.served_by == "own_model":
        per_second = max(1.0, round(week / (7 * 86400) * 10, 1))
        page.open("serving")
        page.comment("Ten times the log's mean rate: write the peak that serving must hold.")
        page.key("expected_peak", {"requests_per_second": per_second})
        page.close()
