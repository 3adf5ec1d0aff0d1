"""Words that would do something where they are shown, and a status that is full of them."""

from datetime import timedelta
from typing import Final

from ai_ops.checklist.status_records import (
    FeatureStatus,
    HeldBy,
    ItemStatus,
    MachineSign,
    OpenIncident,
    OverdueSignOff,
    PendingQuestion,
)
from ai_ops_tests.deciding import NOW

HOSTILE: Final = (
    '</p></style><script>document.title = "owned"</script>'
    '"><img src=x onerror="document.title=1"><a href="javascript:1">x</a>'
    "<style>body{display:none}</style>&lt;b&gt; {policy} %s \u202egnp\x1b[2J"
)
LATER: Final = NOW + timedelta(days=7)


def hostile_status(words: str = HOSTILE) -> FeatureStatus:
    """A status in which everything that anybody writes is ``words``."""
    question = PendingQuestion(words, words, "drift_monitoring", words, LATER, True, words)
    incident = OpenIncident(
        words, "drift", words, words, words, words, NOW, 1.0, True, words, (question,), words
    )
    item = ItemStatus(
        "logs_written",
        words,
        "weekly",
        "prediction_logging",
        words,
        "fail",
        words,
        NOW,
        3.0,
        words,
    )
    green = ItemStatus("log_audited", words, "monthly", "prediction_logging", words, "pass", words)
    return FeatureStatus(
        feature=words,
        title=words,
        as_of=NOW,
        mode="live",
        question=words,
        light="red",
        answer=words,
        version=words,
        live_since=NOW,
        items=(item, green),
        not_due=(words,),
        incidents=(incident,),
        holds=(HeldBy(words, words, NOW, words),),
        overdue=(OverdueSignOff("x", words, "weekly", words, words, 8, words, words),),
        machinery=(MachineSign(words, "dead", None, words),),
    )
