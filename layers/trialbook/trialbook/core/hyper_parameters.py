"""Which hyperparameters were searched, and which only came along: constants, and what a script made from the job's own
name or launch time, such as `model_dir`, a run's name or a timestamp."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from functools import cached_property

from trialbook.core.job_names import base_job_name, pipeline_job
from trialbook.core.jobs import Job
from trialbook.core.patterns import late
from trialbook.core.seeds import is_seed

# Added by SDK containers and tuning jobs; nobody tunes them.
_INTERNAL = ("sagemaker_", "_tuning_objective_metric", "_kfold", "_num_folds")

# Names that label a run, say where it writes, or when it began. What such a hyperparameter holds can't make a trial
# better, whatever it is. `checkpoint_path`, `model_dir`, `task_name` and `experiment_name` are not among them: people
# search over them as well, so only their values tell.
_LABEL = late(
    r"(?:.* )?(?:run|job|trial) (?:name|id|uuid|key|arn|number|num|no|index|suffix|prefix|label|tag|timestamp)"
    r"|(?:.* )?(?:exp|experiment|session|execution|request|correlation|trace|wandb|mlflow|comet|neptune|clearml)"
    r" (?:id|uuid|key|arn)"
    r"|(?:.* )?(?:uuid|guid|timestamp|datetime)"
    r"|(?:launch|launched|submit|submitted|creation|created|current) (?:at|time|date)"
)
_OUTPUT = late(
    r"(?:.* )?(?:output|out|log|logs|logging|tensorboard|tb|save|result|results|artifact|artifacts|export|report)"
    r" (?:.* )?(?:dir|directory|path|uri|url|prefix|folder|file|filename|location|key|bucket)"
)
_WORD = late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_NUMBER = late(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_AS_SHOWN = late(r"0|-?[1-9]\d{0,15}(?:\.\d{0,20}[1-9])?|-?0\.0{0,4}[1-9](?:\d{0,20}[1-9])?", re.ASCII)
_EXACT = Context(prec=3_000)  # digits; SageMaker allows values of 2,500 characters
_LONGEST_WHOLE = 2_500  # digits: as long as a value may be
_MOST_EXPONENT = 10_000  # beyond it, comparing exactly could take a while
_STAMP = late(
    r"(?<!\d)(?P<year>20\d\d)(?P<between>[-_./:]?)(?P<month>\d\d)(?P=between)(?P<day>\d\d)"
    r"(?:[T_\s:.-]{0,2}(?P<hour>\d\d)[-_:.h]?(?P<minute>\d\d)(?:[-_:.m]?(?P<second>\d\d)(?:[-_:.,]?\d{1,9})?)?)?"
    r"(?:Z|[+-]\d\d:?\d\d)?(?![0-9])"
)
_EPOCH = late(r"(?<![\d.])(?P<seconds>[12]\d{9})(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?(?!\d)")
_NEAR = timedelta(hours=15)  # a script's clock may be in any time zone
_SURE = 8  # characters of a name's stamp that can't stand in a value by chance
_MASKED = late(r"\[masked(?::[0-9a-f]+)?\]")

_OWN = late(r"\{(job|time|secret)\}")

Value = Decimal | str | None


def is_internal(name: str) -> bool:
    """Whether SageMaker or its SDK put it there."""
    return name.startswith(_INTERNAL)


def unquoted(text: str) -> str:
    """A value without the JSON quotes that SDK containers add, and without the backslashes within them."""
    if len(text) < 2 or not text[0] == text[-1] == '"':
        return text
    if "\\" in text:
        try:
            return str(json.loads(text))
        except ValueError:
            return text[1:-1]
    return text[1:-1]


def number_in(text: str) -> Decimal | None:
    """The number that a text spells, exactly: equal for `0.1`, `0.10` and `1e-1`."""
    bare = text.strip()
    if _NUMBER.fullmatch(bare) is None:
        return None
    number = Decimal(bare)
    return number if abs(number.adjusted()) <= _MOST_EXPONENT else None


def one_spelling(text: str) -> str:
    """A number as all its spellings are shown; any other text as it is."""
    if _AS_SHOWN.fullmatch(text):  # nearly all are
        return text
    number = number_in(text)
    if number is None:
        return text
    is_whole = number == number.to_integral_value() and number.adjusted() < _LONGEST_WHOLE
    is_plain = is_whole or -5 <= number.adjusted() < 18
    return "0" if number == 0 else format(number.normalize(_EXACT), "f" if is_plain else "e")


@dataclass(frozen=True)
class Launch:
    """The hyperparameters of a job's launch, and its name and time, from which a script may have made some of them."""

    name: str
    at: datetime | None
    hyper_parameters: Mapping[str, str]

    @staticmethod
    def of(job: Job) -> "Launch":
        """A job's own."""
        return Launch(job.name, job.created_at or job.started_at or job.last_modified_at, job.hyper_parameters)

    def value(self, name: str) -> Value:
        """The hyperparameter's value as it compares with other jobs' values: a number exactly, however it is spelled;
        a text with marks in place of the job's own name, of moments near its launch, and of masked secrets."""
        text = self.hyper_parameters.get(name)
        if text is None:
            return None
        bare = unquoted(text)
        number = number_in(bare)
        if number is not None:
            return _with_moments_marked(bare, self.at) if self._is_moment(bare) else number
        bare = _MASKED.sub("{secret}", bare)
        for own in self._own_names:
            if len(bare) >= len(own):  # most values are shorter, and the name of each job is a pattern to compile
                bare = _spelled_by_scripts(own).sub("{job}", bare)
        return _with_moments_marked(bare, self.at)

    def _is_moment(self, bare: str) -> bool:
        return len(bare) >= 10 and _with_moments_marked(bare, self.at) == "{time}"

    @cached_property
    def _own_names(self) -> tuple[str, ...]:
        """The job's name, the stamp at its end and its pipeline execution. A name without a stamp is no mark of one
        job: `resnet50` may be a value that is searched over."""
        stamp = self.name.removeprefix(base_job_name(self.name)).strip("-")
        pipeline = pipeline_job(self.name)
        own = [self.name, stamp] if len(stamp) >= _SURE else []
        return (*own, pipeline.execution) if pipeline else tuple(own)


def _spelled_by_scripts(name: str) -> re.Pattern[str]:
    """The name in any case, with other characters between its words: always as long as the name."""
    return re.compile("(?<![a-z0-9])" + "[-_. ]".join(map(re.escape, name.split("-"))) + "(?![a-z0-9])", re.I)


def _with_moments_marked(text: str, launched_at: datetime | None) -> str:
    if launched_at is None or not any(each.isdigit() for each in text):
        return text
    text = _STAMP.sub(lambda found: "{time}" if _is_near(found, launched_at) else found[0], text)
    return _EPOCH.sub(lambda found: "{time}" if _is_near_epoch(found, launched_at) else found[0], text)


def _is_near(stamp: re.Match[str], launched_at: datetime) -> bool:
    """A date alone must be the day of the launch: that of another day may be what is searched over."""
    given = {name: int(text) for name, text in stamp.groupdict().items() if text and name != "between"}
    try:
        moment = datetime(**given, tzinfo=UTC)
    except ValueError:
        return False
    return abs(moment - launched_at) <= _NEAR if "hour" in given else moment.date() == launched_at.date()


def _is_near_epoch(found: re.Match[str], launched_at: datetime) -> bool:
    return abs(datetime.fromtimestamp(int(found["seconds"]), UTC) - launched_at) <= _NEAR


def is_label(name: str) -> bool:
    """Whether the name says that the hyperparameter labels a run, or tells where or when it writes: `run_name`,
    `output_dir`, `timestamp`."""
    words = " ".join(_WORD.findall(name)).lower()
    return _LABEL.fullmatch(words) is not None or _OUTPUT.fullmatch(words) is not None


def searched(jobs: Iterable[Job], tuned: Collection[str] = ()) -> tuple[str, ...]:
    """The hyperparameters that were searched over, in order of their names. `tuned` are those that a tuning job has
    ranges of."""
    return differing([Launch.of(job) for job in jobs], tuned)


def differing(launches: Sequence[Launch], tuned: Collection[str] = ()) -> tuple[str, ...]:
    """The hyperparameters whose values differ among the jobs, or that some jobs lack, in order of their names.

    Numbers that are only spelled differently do not differ, nor does what each job has of its own: what is made from
    its name or its launch time, labels of runs, output paths, and secrets."""
    return tuple(name for name in _names(launches) if _differs(name, launches, is_tuned=name in tuned))


def are_different(launches: Sequence[Launch]) -> bool:
    """Whether any hyperparameter differs so."""
    return any(_differs(name, launches, is_tuned=False) for name in _names(launches))


def _names(launches: Iterable[Launch]) -> list[str]:
    names = {name for each in launches for name in each.hyper_parameters}
    return sorted(name for name in names if not is_internal(name))


def _differs(name: str, launches: Sequence[Launch], *, is_tuned: bool) -> bool:
    if len({each.hyper_parameters.get(name) for each in launches}) < 2:
        return False
    if is_tuned or is_seed(name):  # a seed made from the time is a repeat on purpose
        return len({_plain(each.hyper_parameters.get(name)) for each in launches}) > 1
    return not is_label(name) and _has_two(each.value(name) for each in launches)


def _plain(text: str | None) -> Value:
    if text is None:
        return None
    bare = unquoted(text)
    number = number_in(bare)
    return bare if number is None else number


def _has_two(values: Iterator[Value]) -> bool:
    """Whether there are two values, as soon as that shows. Lacking what is a job's own makes no difference."""
    found: set[Value] = set()
    for value in values:
        found.add(value)
        if len(found - {None}) > 1:
            return True
    return len(found) > 1 and not any(map(_is_own, found))


def is_same(name: str, launches: Sequence[Launch]) -> bool:
    """Whether all jobs have the hyperparameter with the same value, and none of them has it from its own name or
    launch time."""
    first = launches[0].value(name)
    if first is None or _is_own(first):
        return False
    return all(each.value(name) == first for each in launches)


def is_masked(text: str) -> bool:
    """Whether the value is a secret, or holds one, that is masked."""
    return _MASKED.search(text) is not None


def own(launch: Launch) -> tuple[str, ...]:
    """The hyperparameters that are this job's alone, whatever others have: made from its name or launch time, labels
    of the run, output paths, secrets."""
    names = (name for name in sorted(launch.hyper_parameters) if not is_internal(name))
    return tuple(name for name in names if is_label(name) or _is_own(launch.value(name)))


def _is_own(value: Value) -> bool:
    return isinstance(value, str) and _OWN.search(value) is not None
