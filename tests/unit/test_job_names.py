"""Job names: the base that the launches of the same code share, and the pipeline that started a job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from trialbook.core.job_names import PipelineJobName, base_job_name, pipeline_job
from trialbook.core.names import is_valid_name

UUID4 = "3f2b8c1d-77aa-4e0b-9c3d-0a1b2c3d4e5f"
HEX = UUID4.replace("-", "")


@pytest.mark.parametrize(
    ("name", "base"),
    [
        # SageMaker's SDKs
        ("churn-xgb-2026-11-20-10-15-00-123", "churn-xgb"),
        ("sagemaker-xgboost-2026-11-20-10-15-00-123", "sagemaker-xgboost"),
        ("pytorch-training-2026-11-20-10-15-00-123", "pytorch-training"),
        ("pytorch-1-8-2026-11-20-10-15-00-123", "pytorch-1-8"),
        ("churn-xgb-261121-0900", "churn-xgb"),
        ("churn-xgb-261121-0900-001-0f0444b1", "churn-xgb"),
        ("my-tuner-001-0f0444b1", "my-tuner"),
        ("churn-xgb-1795168800-0f3a", "churn-xgb"),
        ("churn-xgb-1795168800-face", "churn-xgb"),
        (f"churn-xgb-{UUID4}", "churn-xgb"),
        ("churn-xgb-20261120101500", "churn-xgb"),
        # strftime, in AWS's notebooks and in people's scripts
        ("DEMO-xgboost-churn-2026-11-20-10-15-00", "DEMO-xgboost-churn"),
        ("rossmann-training-2026-11-20-10-15-00", "rossmann-training"),
        ("catboost-bids-2026-11-20-10-15", "catboost-bids"),
        ("clm-training-job-small-2026-11-20-10-15-00-123456", "clm-training-job-small"),
        ("weekly-drift-retrain-20261120-101500", "weekly-drift-retrain"),
        ("jumpstart-dft-llama-2-7b-20261120-101500", "jumpstart-dft-llama-2-7b"),
        ("train-ep3-lr0-001-20261120-101500", "train-ep3-lr0-001"),
        ("churn-20261120-1015", "churn"),
        ("churn-20261120T101500Z", "churn"),
        ("churn-2026-11-20T10-15-00Z", "churn"),
        ("churn-202611201015", "churn"),
        ("churn-20261120101500123456", "churn"),
        ("churn-2026-11-20--10-15-00", "churn"),
        ("churn-2026-11-20", "churn"),
        ("churn-20261120", "churn"),
        ("churn-2026-3-3-9-0-7", "churn"),
        ("churn-20-11-2026-10-15-00", "churn"),
        ("churn-11-20-2026-10-15-00", "churn"),
        ("churn-20Nov2026-1015", "churn"),
        ("xgboost-tuningjob-20-10-15-00", "xgboost-tuningjob"),
        ("tf-housing-11-20-10-15-00", "tf-housing"),
        ("tf-housing-26-11-20-10-15-00", "tf-housing"),
        ("churn-10-15-00", "churn"),
        ("churn-2026-11-20-10h15m00s", "churn"),
        ("churn-20261120-10h15", "churn"),
        ("churn-20261120-101500UTC", "churn"),
        ("churn-2026-11-20-10-15-00-PM", "churn"),
        ("churn-20261120-1015am", "churn"),
        ("churn-Fri-Nov-20-10-15-00-2026", "churn"),
        ("churn-Nov20-10-15-00", "churn"),
        # seconds since 1970, and parts of them
        ("unemployment-xgboost-train-1795168800", "unemployment-xgboost-train"),
        ("cf-rf-full-1795168800", "cf-rf-full"),
        ("churn-1795168800123", "churn"),
        ("churn-1795168800123456789", "churn"),
        ("churn-1795168800-1234567", "churn"),
        # uuid and other tokens
        (f"train-{UUID4}", "train"),
        (f"scikit-learn-training-{HEX}", "scikit-learn-training"),
        (f"TrainingJobName{UUID4}", "TrainingJobName"),
        (f"{UUID4}-train", "train"),
        (f"rfm-{UUID4.upper()}", "rfm"),
        ("training-job-3f2b8c1d", "training-job"),
        ("churn-4f2a9c1", "churn"),
        ("churn-train-b07d3e2", "churn-train"),
        ("churn-01HX3K5Z8Q9R7S6T5V4W3X2Y1Z", "churn"),
        ("churn-01hx3k5z8q9r7s6t5v4w3x2y1z", "churn"),
        # SageMaker's console, for clones and clones of clones
        ("churn-copy-11-20", "churn"),
        ("churn-2026-11-20-10-15-00-123-copy-11-21", "churn"),
        ("churn-copy-11-20-copy-11-21", "churn"),
        ("training-job-12345678", "training-job"),
        ("churn-9fceb02d0ae598e95dc970b74767f19372d61af8", "churn"),
        ("data-wrangler-flow-processing-20-10-15-00-3f2b8c1d", "data-wrangler-flow-processing"),
        ("train-3f2b8c1d-0a1b2c", "train"),
        # the launcher cut the name at SageMaker's 63 characters
        (f"a-rather-long-name-of-a-model-{UUID4}"[:63], "a-rather-long-name-of-a-model"),
        (f"a-rather-long-name-of-a-model-that-goes-on-{UUID4}"[:63], "a-rather-long-name-of-a-model-that-goes-on"),
        # counters
        ("churn-2026-11-20-2", "churn"),
        ("churn-2026-11-20-10-15-00-17", "churn"),
        ("churn-20261120101500-3", "churn"),
        ("job-2", "job"),
        ("train-job-12", "train-job"),
        ("TrainingJob3", "TrainingJob"),
        ("churn-run-7", "churn-run"),
        ("churn-trial007", "churn-trial"),
        # services and tools
        ("my-tuner-2026-11-20-10-15-00-123-14", "my-tuner"),  # Syne Tune
        ("None-0", "None"),  # the same without a tuner's name
        ("None-12", "None"),
        ("basic-pipeline-2026-11-20-10-15-00-886794-step", "basic-pipeline-step"),  # ZenML
        (f"AWSBatchqm-training-job{HEX}", "qm-training-job"),
        (f"AWSBatchchurn-2026-11-20-10-15-00{HEX}", "churn"),
        (f"AWSBatchhello-sagemaker-2026-11{HEX}", "hello-sagemaker"),
        (f"AWSBatchhello-sagemaker-jobs-20{HEX}", "hello-sagemaker-jobs-20"),
        ("TrainingJob-20261120101500-BERT", "TrainingJob"),  # Kubeflow
        ("pipelines-p4jn9xou8a8s-train-tmgxry49ug", "train"),
        ("pipelines-8pk6dxn4cfvl-Rossmann-Model-Train-bPVYsMzUlc", "Rossmann-Model-Train"),
        ("churntrain-ctd6lgoe9v0a-kPXa4yBq90-0", "churntrain"),
        ("8ywqz5v4qdq9-HPTunin-V2mGRGHkD5-001-0f0444b1", "HPTunin"),
        # words behind a stamp stay
        ("sales-2026-11-20-eu", "sales-eu"),
        (f"project-{UUID4}-evaluate", "project-evaluate"),
        ("project-20261120101500-train", "project-train"),
        ("2026-11-20-churn", "churn"),
    ],
)  # fmt: skip
def test_the_base_is_the_name_without_what_makes_it_unique(name: str, base: str) -> None:
    assert base_job_name(name) == base


@pytest.mark.parametrize(
    "name",
    [
        "churn",
        "resnet-50",
        "resnet-101",
        "resnet50",
        "gpt-2",
        "llama-2-7b",
        "llama-3-1-8b-instruct",
        "xgboost-1-7-1",
        "v1",
        "churn-v2",
        "churn-v1-2-3",
        "fold-3",
        "churn-fold-3",
        "seed-42",
        "churn-2026",
        "churn-2026-11",
        "churn-007",
        "telco-hpt-logreg-01",
        "24018816-xgboost-tuningjob-02",
        "t5-3b",
        "img-1024-1024",
        "img-224-224-3",
        "mlp-16-12-2048",
        "efficientnet-b0",
        "resnet-b64e100",
        "carbon-copy",
        "carbon-copy-2",
        "churn-2024abc",
        "faces-defaced",
        "sales-am",
        "vit-base-patch16-224",
        "bert-base-facade",
        "entry-3",
        "geometry-2",
        "huggingface-transformers-experiment-3",
        "huggingface-transformers-DistilBert-3",
        "a--b",
        "26-11-20-10-15",
        "-2026-11-20-10-15-00-123",
        UUID4,
    ],
)
def test_text_that_may_be_part_of_the_name_stays(name: str) -> None:
    assert base_job_name(name) == name


NAMES = (
    st.text(ascii_lowercase, min_size=2, max_size=8)
    .flatmap(lambda word: st.sampled_from([word, f"{word}-xgb", f"{word}-v2", f"DEMO-{word}", f"resnet-50-{word}"]))
    .filter(lambda name: base_job_name(name) == name)
)
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2033, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
BITS = st.integers(0, 2**128 - 1)
Launch = tuple[datetime, int, int]  # when, random bits, how many before it in the loop


def token(bits: int, letters: str, length: int) -> str:
    """A random token of SageMaker's."""
    return "".join(letters[(bits // len(letters) ** place) % len(letters)] for place in range(length))


def uuid(bits: int) -> str:
    """A random UUID as uuid4() makes them."""
    return str(UUID(int=bits, version=4))


LAUNCHERS: dict[str, Callable[[str, Launch], str]] = {
    "sdk": lambda name, launch: f"{name}-{launch[0]:%Y-%m-%d-%H-%M-%S}-{launch[0].microsecond // 1000:03}",
    "sdk short": lambda name, launch: f"{name}-{launch[0]:%y%m%d-%H%M}",
    "sdk unique": lambda name, launch: f"{name}-{int(launch[0].timestamp())}-{launch[1] % 16**4:04x}",
    "sdk 3": lambda name, launch: f"{name}-{launch[0]:%Y%m%d%H%M%S}",
    "notebook": lambda name, launch: f"{name}-{launch[0]:%Y-%m-%d-%H-%M-%S}",
    "notebook tuning": lambda name, launch: f"{name}-{launch[0]:%d-%H-%M-%S}",
    "compact": lambda name, launch: f"{name}-{launch[0]:%Y%m%d-%H%M%S}",
    "glued": lambda name, launch: f"{name}{launch[0]:%Y%m%d%H%M%S}",
    "iso": lambda name, launch: f"{name}-{launch[0]:%Y%m%dT%H%M%SZ}",
    "microseconds": lambda name, launch: f"{name}-{launch[0]:%Y-%m-%d-%H-%M-%S-%f}",
    "parts": lambda name, launch: "-".join(map(str, (name, *launch[0].timetuple()[:6]))),
    "european": lambda name, launch: f"{name}-{launch[0]:%d-%m-%Y-%H-%M-%S}",
    "american": lambda name, launch: f"{name}-{launch[0]:%m-%d-%Y-%H-%M}",
    "day": lambda name, launch: f"{name}-{launch[0]:%Y-%m-%d}",
    "day and counter": lambda name, launch: f"{name}-{launch[0]:%Y-%m-%d}-{launch[2]}",
    "seconds": lambda name, launch: f"{name}-{int(launch[0].timestamp())}",
    "milliseconds": lambda name, launch: f"{name}-{int(launch[0].timestamp() * 1000)}",
    "float": lambda name, launch: f"{name}-{launch[0].timestamp()}".replace(".", "-"),
    "uuid": lambda name, launch: f"{name}-{uuid(launch[1])}",
    "uuid glued": lambda name, launch: f"{name}{uuid(launch[1])}",
    "uuid first": lambda name, launch: f"{uuid(launch[1])}-{name}",
    "uuid hex": lambda name, launch: f"{name}-{UUID(int=launch[1], version=4).hex}",
    "ctime": lambda name, launch: f"{name}-{launch[0]:%a-%b-%d-%H-%M-%S-%Y}",
    "letters in the clock": lambda name, launch: f"{name}-{launch[0]:%Y-%m-%d-%Hh%Mm%Ss}",
    "zone": lambda name, launch: f"{name}-{launch[0]:%Y%m%d-%H%M%SUTC}",
    "uuid begun": lambda name, launch: f"{name}-{uuid(launch[1])[:8]}",
    "date and token": lambda name, launch: f"{name}-{launch[0]:%Y%m%d}-{uuid(launch[1])[:8]}",
    "counted job": lambda name, launch: f"{name}-job-{launch[2]}",
    "counted run": lambda name, launch: f"{name}-run{launch[2]:03}",
    "syne tune": lambda name, launch: f"{name}-2026-11-20-10-15-00-123-{launch[2]}",
    "tuning job": lambda name, launch: f"{name}-261120-1015-{launch[2]:03}-{launch[1] % 16**8:08x}",
    "aws batch": lambda name, launch: f"AWSBatch{name}{launch[1]:032x}",
    "sdk in aws batch": lambda name, launch: f"AWSBatch{f'{name}-{launch[0]:%Y-%m-%d-%H-%M-%S}-123'[:23]}{launch[1]:032x}",
    "pipeline step": lambda name, launch: (
        f"pipelines-{token(launch[1], ascii_lowercase + digits, 12)}-{name}-{token(launch[1], ascii_letters + digits, 10)}"
    ),
    "kubeflow": lambda name, launch: (
        f"TrainingJob-{launch[0]:%Y%m%d%H%M%S}-{token(launch[1], ascii_uppercase + digits, 4)}"
    ),
}  # fmt: skip
LAUNCHES = st.tuples(MOMENTS, BITS, st.integers(0, 999))


@given(st.sampled_from(sorted(LAUNCHERS)), NAMES, LAUNCHES, LAUNCHES)
@example("glued", "abc", (datetime(2026, 1, 1, tzinfo=UTC), 0, 0), (datetime(2026, 12, 31, tzinfo=UTC), 1, 1))
def test_names_of_one_launch_loop_always_have_one_base(launcher: str, name: str, one: Launch, other: Launch) -> None:
    made = LAUNCHERS[launcher]
    assume(len(name) < 14)  # so that AWS Batch leaves enough of the date
    assume("glued" not in launcher or name[-1].isalpha())

    bases = {base_job_name(made(name, one)), base_job_name(made(name, other))}

    assert len(bases) == 1
    assert name in bases.pop() or launcher == "kubeflow"


@given(st.text(ascii_letters + digits + "-", max_size=63) | st.text("12-0a", max_size=63))
@example("0--000-00000000")
@example("pipelines-p4jn9xou8a8s-train--tmgxry49ug")
@example("AWSBatch--train-00000000000000000000000000000000")
def test_the_base_of_a_base_is_always_itself(name: str) -> None:
    base = base_job_name(name)

    assert base_job_name(base) == base
    assert is_valid_name(base) or not is_valid_name(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pipelines-p4jn9xou8a8s-train-tmgxry49ug", PipelineJobName("p4jn9xou8a8s", "train")),
        ("pipelines-8pk6dxn4cfvl-Model-Train-bPVYsMzUlc", PipelineJobName("8pk6dxn4cfvl", "Model-Train")),
        ("pipelines-bs6gaeln463r-abalonetrain", PipelineJobName("bs6gaeln463r", "abalonetrain")),
        ("churntrain-ctd6lgoe9v0a-kPXa4yBq90-0", PipelineJobName("ctd6lgoe9v0a", "churntrain", 0)),
        ("churn-train-ctd6lgoe9v0a-kPXa4yBq90-2", PipelineJobName("ctd6lgoe9v0a", "churn-train", 2)),
        ("8ywqz5v4qdq9-HPTunin-V2mGRGHkD5", PipelineJobName("8ywqz5v4qdq9", "HPTunin")),
        ("churn-xgb-2026-11-20-10-15-00-123", None),
        ("huggingface-transformers-experiment-3", None),
        ("pipelines-short-train-tmgxry49ug", None),
    ],
)
def test_a_name_holds_the_execution_and_the_step_or_prefix(name: str, expected: PipelineJobName | None) -> None:
    assert pipeline_job(name) == expected


def test_a_long_name_of_numbers_is_read_at_once() -> None:
    """Names come from anyone: no name may keep a function busy."""
    started = datetime.now(UTC)

    base_job_name("-".join(["2026"] + ["1"] * 5000) + "-x")
    base_job_name("job" * 2000 + "!")

    assert datetime.now(UTC) - started < timedelta(seconds=5)
