"""What is taken for a secret and what is not: one table of each. All secrets here are made up, and put together from
parts so that no scanner takes them for lost ones."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.samples import job
from trialbook.core.jobs import InputChannel, ParameterRange, TuningDefinition, TuningJob
from trialbook.core.masking import Masker, masked

MASKER = Masker(lambda: b"a key of a book")
HEX, MIXED = "0123456789abcdef" * 4, "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk1Ll2Mm3Nn4Oo5Pp6"
JWT = ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N"))
KEY_BLOCK = "-----BEGIN RSA " + f"PRIVATE KEY-----\nMIIE{MIXED}\n{MIXED}\n-----END RSA PRIVATE KEY-----"

# What a secret's own form tells, whatever its name is.
BY_FORM = {
    "AWS access key": "AK" + "IAQ3EGRLPZ5KXWCY7D",
    "AWS temporary key": "AS" + "IAQ3EGRLPZ5KXWCY7D",
    "AWS session token": "IQoJb3" + "JpZ2lu" + MIXED,
    "Hugging Face": "hf" + "_" + MIXED[:34],
    "W&B, new": "wandb" + "_v1_" + MIXED,
    "W&B, local": "local" + "-" + HEX[:40],
    "GitHub": "gh" + "p_" + MIXED[:36],
    "GitHub server": "gh" + "s_" + MIXED[:36],
    "GitHub fine-grained": "github" + "_pat_" + MIXED[:22] + "_" + MIXED,
    "GitLab": "gl" + "pat-" + MIXED[:20],
    "GitLab deploy": "gl" + "dt-" + MIXED[:20],
    "Slack bot": "xo" + "xb-1234567890-1234567890123-" + MIXED[:24],
    "Slack user": "xo" + "xp-1234567890-" + MIXED[:24],
    "Slack app": "xa" + "pp-1-A012345-" + MIXED[:24],
    "Slack webhook": "https://hooks.slack.com" + "/services/T00000000/B00000000/" + MIXED[:24],
    "Discord webhook": "https://discord.com/api" + "/webhooks/123456/" + MIXED,
    "OpenAI": "sk" + "-" + MIXED[:48],
    "OpenAI project": "sk" + "-proj-" + MIXED[:20] + "_-" + MIXED,
    "Anthropic": "sk" + "-ant-api03-" + MIXED,
    "OpenRouter": "sk" + "-or-v1-" + HEX,
    "Groq": "gs" + "k_" + MIXED,
    "Replicate": "r8" + "_" + MIXED[:37],
    "NVIDIA": "nv" + "api-" + MIXED,
    "Google": "AI" + "za" + MIXED[:35],
    "Google OAuth": "ya29" + ".a0Af" + MIXED,
    "JWT": JWT,
    "Databricks": "da" + "pi" + HEX[:32],
    "npm": "np" + "m_" + MIXED[:36],
    "PyPI": "py" + "pi-AgEIcHlwaS5vcmc" + MIXED,
    "Stripe": "sk" + "_live_" + MIXED[:24],
    "SendGrid": "S" + "G." + MIXED[:22] + "." + MIXED[:43],
    "Vault": "hv" + "s." + MIXED,
    "Hugging Face OAuth": "hf" + "_oauth_" + MIXED[:34],
    "Google refresh": "1/" + "/0" + MIXED[:40],
    "Docker": "dckr" + "_pat_" + MIXED[:20] + "_-" + MIXED[:5],
    "Docker organisation": "dckr" + "_oat_" + MIXED[:32],
    "Terraform": MIXED[:14] + ".atlas" + "v1." + MIXED * 2,
    "Doppler": "dp" + ".pt." + MIXED[:43],
    "Doppler service": "dp" + ".st.prd_eu." + MIXED[:43],
    "1Password": "ops" + "_eyJ" + MIXED,
    "age": "AGE-SECRET" + "-KEY-1" + (MIXED * 2).upper()[:58],
    "DigitalOcean": "dop" + "_v1_" + HEX,
    "Heroku": "HRKU" + "-AA" + MIXED,
    "Tailscale": "tskey" + "-auth-" + MIXED[:20],
    "Supabase": "sbp" + "_" + HEX[:40],
    "Supabase secret": "sb" + "_secret_" + MIXED[:31],
    "PlanetScale": "pscale" + "_pw_" + MIXED[:43],
    "Vercel": "vcp" + "_" + MIXED[:24],
    "Azure client": MIXED[:3] + "8" + "Q~" + MIXED[:34],
    "Grafana": "glsa" + "_" + MIXED[:32] + "_" + HEX[:8],
    "Grafana cloud": "glc" + "_" + MIXED + "==",
    "New Relic": "NR" + "AK-" + (MIXED.upper())[:27],
    "Sentry": "sntrys" + "_" + MIXED + "_" + MIXED,
    "Atlassian": "ATATT" + "3xFfGF0" + MIXED * 3 + "=" + HEX[:8].upper(),
    "Bitbucket": "AT" + "BB" + MIXED[:32],
    "Notion": "ntn" + "_" + MIXED[:46],
    "Notion, old": "secret" + "_" + MIXED[:43],
    "Linear": "lin" + "_api_" + MIXED[:40],
    "Figma": "fig" + "d_" + MIXED[:40],
    "Postman": "PM" + "AK-" + HEX[:24] + "-" + HEX[:34],
    "Shopify": "shp" + "at_" + HEX[:32],
    "Mapbox": "sk" + ".eyJ1" + MIXED + "." + MIXED[:22],
    "CircleCI": "CCI" + "PAT_" + MIXED[:22] + "_" + HEX[:40],
    "Buildkite": "bk" + "ua_" + HEX[:40],
    "Prefect": "pn" + "u_" + MIXED[:36],
    "SonarQube": "sq" + "p_" + HEX[:40],
    "RubyGems": "rubygems" + "_" + HEX[:48],
    "Twilio": "S" + "K" + HEX[:32],
    "Mailgun": "ke" + "y-" + HEX[:32],
    "ElevenLabs": "sk" + "_" + HEX[:48],
    "Fireworks": "fw" + "_" + MIXED[:24],
    "LangSmith": "lsv2" + "_pt_" + HEX[:32] + "_" + HEX[:10],
    "Voyage": "pa" + "-" + MIXED[:43],
    "Jina": "jina" + "_" + MIXED,
    "Tavily": "tvly" + "-" + MIXED[:32],
    "private key": KEY_BLOCK,
    "OpenSSH key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----\\nb3BlbnNzaC1rZXk\\n-----END OPENSSH PRIVATE KEY-----",
}

# A text, and the part of it that must not stay.
WITHIN = {
    "database address": ("postgresql://svc:pa55w0rd@db.internal:5432/churn", "pa55w0rd"),
    "password with an at sign": ("redis://:p@ss-w0rd@cache:6379/0", "p@ss-w0rd"),
    "git address": (f"https://x-access-token:{MIXED[:36]}@git.internal/a/b.git", MIXED[:36]),
    "token before a host": (f"https://{HEX[:32]}@o1.ingest.sentry.io/1", HEX[:32]),
    "presigned S3": (
        f"https://b.s3.amazonaws.com/k?X-Amz-Expires=900&X-Amz-Signature={HEX}&X-Amz-SignedHeaders=host",
        HEX,
    ),
    "presigned S3, old": (f"https://b.s3.amazonaws.com/k?Expires=1772528400&Signature={MIXED[:28]}%3D", MIXED[:28] + "%3D"),
    "Azure SAS": (f"https://a.blob.core.windows.net/c?sv=2024-11-04&se=2026-12-01&sig={MIXED}%3D", MIXED + "%3D"),
    "Azure connection": (
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={MIXED}==;EndpointSuffix=core.windows.net",
        MIXED + "==",
    ),
    "Azure connection with a slash": (
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={MIXED[:20]}/{MIXED}+{MIXED[:16]}==;EndpointSuffix=x",
        f"{MIXED[:20]}/{MIXED}+{MIXED[:16]}==",
    ),
    "a login": (f"pip install wandb && wandb login --relogin {HEX[:40]} && python train.py", HEX[:40]),
    "ODBC connection": ("Driver={ODBC 18};Server=tcp:db,1433;Uid=svc;Pwd=hunter2!;Encrypt=yes", "hunter2!"),
    "libpq connection": ("host=db user=svc password=hunter2 dbname=churn", "hunter2"),
    "JSON": (json.dumps({"REDSHIFT_USER": "svc", "REDSHIFT_PASSWORD": "made-up"}), "made-up"),
    "JSON in JSON": (json.dumps(json.dumps({"env": {"HF_TOKEN": "made-up-1", "N": "3"}})), "made-up-1"),
    "JSON in JSON in JSON": (json.dumps(json.dumps(json.dumps({"db_password": "made-up-1"}))), "made-up-1"),
    "a Python dict": (str({"user": "svc", "password": "made up"}), "made up"),
    "a list of variables": (json.dumps([{"name": "WANDB_API_KEY", "value": HEX[:40]}]), HEX[:40]),
    "YAML": ("user: svc\napi_key: abc123def\n", "abc123def"),
    "a command line": ("python train.py --epochs 3 --hf_token made-up-1 --lr 0.1", "made-up-1"),
    "a command line with =": ("train.py --wandb-api-key=abcdef --lr=0.1", "abcdef"),
    "a quoted option": ("train.py --db-password 'two words' --lr 0.1", "two words"),
    "a list of arguments": (json.dumps(["train.py", "--hf_token", "made-up-1", "--lr", "0.1"]), "made-up-1"),
    "Kaggle's file": (json.dumps({"username": "svc", "key": HEX[:32]}), HEX[:32]),
    "variables": ("HF_HOME=/tmp HF_TOKEN=made-up-1 python train.py", "made-up-1"),
    "a header": (f"Authorization: Bearer {MIXED}", MIXED),
    "prose": ("login failed with password: hunter2!", "hunter2!"),
    "query": ("https://api.internal/v1?token=abcdefgh&page=2", "abcdefgh"),
}  # fmt: skip

# The name tells, whatever the value looks like.
BY_NAME = (
    *("password", "passwd", "db_password", "DB_PASSWORD_PROD", "userPassword", "pgpassword", "passphrase", "db_pass"),
    *("pwd", "secret", "client_secret", "aws_secret_access_key", "secretValue", "hf_token", "HF-TOKEN", "hfToken"),
    *("HUGGING_FACE_HUB_TOKEN", "hub_token", "push_to_hub_token", "token", "access_token", "auth_token", "token_2"),
    *("github_token", "GH_TOKEN", "api_key", "apikey", "api-key", "wandb_api_key", "WANDB_KEY", "openai_api_key"),
    *(
        "OPENAI_KEY",
        "private_key",
        "aws_access_key_id",
        "NEPTUNE_API_TOKEN",
        "COMET_API_KEY",
        "kaggle_key",
        "sas_token",
    ),
    *(
        "credentials",
        "slack_webhook",
        "slack_webhook_url",
        "basic_auth",
        "github_pat",
        "spark.hadoop.fs.s3a.secret.key",
    ),
    *("deepgram_key", "ultralytics_hub_key", "DD_APP_KEY", "assemblyai_key", "TOGETHER_API_KEY"),
    *("hf_token_b64", "API_KEY_BASE64", "object_store_secret"),
    *("mlflow_tracking_token", "MLFLOW_TRACKING_PASSWORD", "cookie", "jwt", "encryption_key", "x-api-key"),
)

# Names that only sound so, with values that they have.
PLAIN = {
    "max_tokens": "4096",
    "max_new_tokens": "512",
    "num_tokens": "128",
    "tokenizer": "meta-llama/Llama-2-7b-hf",
    "tokenizer_name": "bert-base-uncased",
    "token_type": "word",
    "eos_token": "</s>",
    "pad_token": "<|endoftext|>",
    "bos_token": "[BOS]",
    "mask_token": "<|reserved_special_token_0|>",
    "image_token": "32000",
    "instance_token": "sks",
    "placeholder_token": "cat-statue",
    "per_token_loss": "true",
    "use_auth_token": "True",
    "token": "0",
    "key_dim": "64",
    "wandb": "true",
    "wandb_project": "churn",
    "wandb_commit": HEX[:40],
    "wandb_git_sha": HEX[:40],
    "wandb_run_id": HEX[:8],
    "serving_api": "rest",
    "rest_api": "https://api.internal/v1",
    "secret_model": "secret_agents_in_long_documents_of_many_words",
    "pa_name": "spa-hotel-reviews-with-a-rather-long-name-of-a-file",
    "skip": "TASK-0123456789",
    "arguments": json.dumps(["--tokenizer", "gpt2", "--pad_token", "<pad>", "--password", "--lr", "0.1"]),
    "model_key": "Models/Bert2024/WeightsOfTheThird/Epoch",
    "num_attention_keys": "8",
    "key": "label",
    "label_key": "target_column",
    "s3_key": "data/2024/TrainSet1/part-00001.parquet",
    "kms_key_id": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "sort_key": "created_at",
    "cache_key": HEX[:32],
    "author": "Jane Doe",
    "author_id": "42",
    "authority": "https://login.internal/tenant",
    "n_passes": "3",
    "num_pass": "2",
    "forward_pass": "true",
    "compass": "north",
    "bypass": "1",
    "secret_name": "prod/churn/db",
    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/churn-AbCdEf",
    "password_length": "16",
    "hf_token_path": "/home/user/.cache/huggingface/token",
    "api_key_file": "/opt/ml/input/config/key.json",
    "google_application_credentials": "/opt/ml/code/key.json",
    "db_password": "${DB_PASSWORD}",
    "api_key": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key",
    "signature": "serving_default",
    "signature_key": "serving_default",
    "git_commit": HEX[:40],
    "revision": HEX[:40],
    "sha256": HEX,
    "image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/own@sha256:{HEX}",
    "data": "s3://bucket/tokens/key=1/password-free/part-0001.parquet",
    "run_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "estimator": "sk-learn-random-forest-classifier-v2",
    "model": "hf-internal-testing/tiny-random-LlamaForCausalLM",
    "url": "https://tracking.internal:5000/runs?page=2",
    "proxy": "http://proxy.internal:3128",
    "registry": "docker://registry.internal:5000/image@sha256:" + HEX,
    "config": json.dumps({"max_tokens": 5, "tokenizer": "gpt2", "key_dim": 64, "pad_token": "<pad>", "seed": 12345678}),
    "command": "python train.py --max-tokens 512 --tokenizer gpt2 --key-dim 64 --author jane --n-passes 3",
    "lr": "0.00030000000000000003",
    "seed": "1797693134862315708",
    "email": "jane@example.com",
    "layers": "[64, 128, 256]",
    "regex": "loss: ([0-9.]+)",
}
SAID = (
    "ClientError: unexpected token: EOF while parsing",
    "SyntaxError: Unexpected token } in JSON at position 12",
    "KeyError: 'token'",
    "ValueError: api_key: must not be empty",
    "AlgorithmError: ExecuteUserScriptError: password is required",
    "ResourceLimitExceeded: key length is 64",
    "Token limit: 4096 exceeded; max_tokens=4096",
    "FileNotFoundError: [Errno 2] No such file: '/opt/ml/input/data/train/secret.csv'",
    "ClientError: Access Denied for arn:aws:iam::123456789012:role/Train to s3://bucket/key=1/x",
    "Basic usage: see https://docs.internal",
)


@pytest.mark.parametrize("kind", BY_FORM)
def test_a_secret_is_known_by_its_form_alone_and_within_a_text(kind: str) -> None:
    secret = BY_FORM[kind]

    assert MASKER.value("note", secret) == MASKER.mark(secret)
    assert secret not in MASKER.text(f'failed: {{"note": "{secret}"}} and so on')
    assert MASKER.text(f"before {secret}").startswith("before [masked:")


@pytest.mark.parametrize("kind", WITHIN)
def test_a_secret_within_a_text_goes_and_the_rest_of_it_stays(kind: str) -> None:
    text, secret = WITHIN[kind]
    found = MASKER.text(text)

    assert secret not in found
    before, _, after = text.partition(secret)
    assert found.startswith(before)
    assert found.endswith(after)


@pytest.mark.parametrize("value", ["hunter2!", "swordfish", '"correct horse"', MIXED, HEX[:40], "a/b+c=="])
@pytest.mark.parametrize("name", BY_NAME)
def test_a_secret_is_known_by_its_name(name: str, value: str) -> None:
    found = MASKER.value(name, value)

    assert value.strip('"') not in found
    assert found.startswith('"') == value.startswith('"')


@pytest.mark.parametrize("name", ["wandb", "WANDB", "wandb_login", "wandb-api", "report_to_wandb"])
def test_forty_hexadecimal_digits_beside_the_name_of_wandb_are_its_key(name: str) -> None:
    assert HEX[:40] not in MASKER.value(name, HEX[:40])
    assert HEX[:40] not in MASKER.value(name, f'"{HEX[:40]}"')


@pytest.mark.parametrize("name", ["comet_api", "roboflowApi"])
def test_a_random_value_of_an_api_is_its_key(name: str) -> None:
    assert MIXED[:32] not in MASKER.value(name, MIXED[:32])


@pytest.mark.parametrize("name", PLAIN)
def test_text_that_only_sounds_like_a_secret_stays(name: str) -> None:
    assert MASKER.value(name, PLAIN[name]) == PLAIN[name]
    assert MASKER.value(name, f'"{PLAIN[name]}"') == f'"{PLAIN[name]}"'


@pytest.mark.parametrize("text", SAID)
def test_texts_of_errors_about_tokens_and_keys_stay_unchanged(text: str) -> None:
    assert MASKER.text(text) == text


# Where the functions find what they need, and the name of a parameter that holds a secret among it.
ENVIRONMENT = Path("events/env.json")


@pytest.mark.parametrize("path", sorted({*Path("events").rglob("*.json*")} - {ENVIRONMENT}), ids=str)
def test_no_false_alarm_in_the_projects_own_events_and_recordings(path: Path) -> None:
    for line in path.read_text().splitlines():
        assert MASKER.text(line) == line


def test_marks_show_whether_secrets_differ_but_nothing_without_the_books_key() -> None:
    other = Masker(lambda: b"the key of another book")

    assert MASKER.mark("one") == MASKER.mark("one") != MASKER.mark("two")
    assert MASKER.mark("one") != other.mark("one")
    assert len(MASKER.mark("one")) == len("[masked:0000]")


def test_the_key_is_asked_for_only_if_there_is_a_secret() -> None:
    def none() -> bytes:
        raise AssertionError("asked for the key")

    plain = job(hyper_parameters={"lr": "0.1", "tokenizer": "gpt2"}, tags={"team": "growth"}, failure_reason="no data")

    assert Masker(none).job(plain) is plain


def test_a_jobs_hyperparameters_tags_and_failure_reason_are_masked() -> None:
    given = {"lr": "0.1", "hf_token": '"swordfish-1"', "envs": json.dumps({"DB_PASSWORD": "hunter2"})}
    reason = "ExecuteUserScriptError: Command train.py --hf_token swordfish-1 --lr 0.1, which read swordfish-1"
    found = MASKER.job(job(hyper_parameters=given, tags={"db-password": "hunter2", "team": "a"}, failure_reason=reason))
    text = repr(found)

    assert not [secret for secret in ("swordfish", "hunter2") if secret in text]
    assert found.hyper_parameters["lr"] == "0.1"
    assert found.tags["team"] == "a"
    assert found.failure_reason is not None
    assert "--lr 0.1" in found.failure_reason
    assert MASKER.job(found) is found


def test_a_tuning_jobs_static_hyperparameters_and_categories_are_masked() -> None:
    ranges = (ParameterRange("api_key", "Categorical", values=("one-key", "another-key")),)
    definition = TuningDefinition("d", "loss", "Minimize", None, {"hf_token": "swordfish"}, ranges)
    found = MASKER.tuning_job(TuningJob(job(), definitions=(definition,)))

    assert not [secret for secret in ("one-key", "another-key", "swordfish") if secret in repr(found)]


PARTS = st.sampled_from(
    [
        *BY_FORM.values(),
        *(text for text, _ in WITHIN.values()),
        *PLAIN.values(),
        *SAID,
        *BY_NAME,
        "=",
        ": ",
        '"',
        "\\",
        " ",
    ]
)


@example("dapi0123456789abcdef0123456789abcdefAKIAQ3EGRLPZ5KXWCY7D")
@given(st.lists(st.one_of(PARTS, st.text(max_size=5)), max_size=6).map("".join))
@example("https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1")
def test_masking_twice_is_masking_once(text: str) -> None:
    once = MASKER.text(text)

    assert MASKER.text(once) == once


@given(st.sampled_from(sorted(BY_FORM)), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_stays_whatever_text_surrounds_it(kind: str, before: str, after: str) -> None:
    assert BY_FORM[kind] not in MASKER.text(f"{before} {BY_FORM[kind]} {after}")


@given(st.text(alphabet="a1-_.:/@=&?'\"\\ ,;{}[]<>\n", max_size=400))
def test_any_text_is_masked_at_once(text: str) -> None:
    MASKER.text(text * 5)


def test_recordings_are_masked_by_the_same_list() -> None:
    answer = {
        "HyperParameters": {"envs": WITHIN["JSON in JSON"][0], "max_tokens": "5"},
        "Tags": {"note": BY_FORM["GitHub"]},
    }
    text = json.dumps(masked(answer, "999988887777"))

    assert "made-up" not in text
    assert BY_FORM["GitHub"] not in text
    assert '"max_tokens": "5"' in text


@pytest.mark.parametrize("name", ["label_studio_token", "twilio_auth"])
def test_a_name_in_doubt_with_a_hexadecimal_value_is_a_secret(name: str) -> None:
    assert HEX[:40] not in MASKER.value(name, HEX[:40])


def test_a_secret_in_the_address_of_the_data_is_masked() -> None:
    secret = BY_FORM["Hugging Face"]
    found = MASKER.job(
        job("t", 0, 1, channels=(InputChannel("train", f"s3://b/{secret}/"), InputChannel("test", "s3://b/")))
    )

    assert [each.s3_uri for each in found.channels] == [f"s3://b/{MASKER.mark(secret)}/", "s3://b/"]
