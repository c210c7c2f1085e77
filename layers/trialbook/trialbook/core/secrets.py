"""Finds secrets: by their names, by their form, or by the text before them.

One list for all that Trialbook masks. Two faults are possible, and both cost: a secret is shown, or a setting hidden.
So a form must be one that nothing else has, and a name must leave no doubt. If it leaves some (`some_key` does), the
value must look random as well.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from trialbook.core.patterns import late

# Forms that services give their secrets, whole. The names are for docs and tests.
FORMS = {
    "AWS access key id": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])",
    "AWS session token": r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9+/=_%-]{20,}",
    "Hugging Face": r"hf_(?:oauth_)?[A-Za-z0-9]{20,}|api_org_[A-Za-z0-9]{30,}",
    "Weights & Biases": r"wandb_v\d+_[A-Za-z0-9_]{20,}|local-[0-9a-f]{40}(?![0-9a-f])",
    "GitHub": r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
    "GitLab": r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[\w.-]{20,}",
    "Slack": r"xox[abceoprs](?:\.xox[bp])?-[\w-]{10,}|xapp-\d-[\w-]{10,}|xwfp-[\w-]{10,}",
    "OpenAI, Anthropic and alike": r"sk-(?:proj|svcacct|admin|ant|or|lf|None)-[\w-]{20,}|sk-[A-Za-z0-9]{32,}"
    r"|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{30,}|nvapi-[\w-]{20,}"
    r"|pcsk_[A-Za-z0-9_]{20,}",
    "Google": r"1//0[\w-]{30,}|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}",
    "JSON web token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*|eyJ[\w-]{8,}\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+",
    "Neptune": r"eyJhcGlf[A-Za-z0-9+/=_-]{20,}",
    "Databricks": r"dapi[0-9a-f]{32}(?:-\d)?(?![0-9a-z])",
    "Vault": r"hv[sbr]\.[\w-]{20,}",
    "package indexes": r"rubygems_[0-9a-f]{48}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}",
    "Stripe, SendGrid, Telegram": r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\d{8,10}:AA[\w-]{33}",
    "webhooks": r"https://(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)"
    r"|(?:\w+\.)?discord(?:app)?\.com/api/webhooks|[\w.-]+\.webhook\.office\.com/webhookb2)/[\w/@+-]+",
}
_FORM = re.compile("(?<![A-Za-z0-9])(?P<secret>" + "|".join(FORMS.values()) + ")")

# Forms that few jobs have. Each begins with a mark or holds one, so they are compiled only for a text that does too:
# compiling them takes longer than all else of this module.
RARE_FORMS = {
    "model services": r"sk_[0-9a-f]{48}(?![0-9a-f])|csk-[a-z0-9]{40,}|fw_(?=[A-Za-z]*\d)[A-Za-z0-9]{22,}"
    r"|lsv2_[ps][tk]_[0-9a-f]{32}_[0-9a-f]{10}|tvly-[\w-]{24,}|jina_[\w-]{40,}"
    r"|pa-(?=\w*\d)(?=\w*[A-Z])\w{43}(?!\w)",
    "Docker, Terraform, Doppler, 1Password, age": r"dckr_[po]at_[\w-]{20,}|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}"
    r"|dp\.(?:st|pt|ct|sa|said|scim|audit)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,}|ops_eyJ[\w-]{20,}"
    r"|AGE-SECRET-KEY-1[0-9A-Z]{50,}",
    "clouds and databases": r"do[opr]_v1_[0-9a-f]{64}|HRKU-[\w-]{30,}|tskey-[a-z]+-[\w-]{16,}|sb_secret_[\w-]{20,}"
    r"|sbp_[0-9a-f]{40}|pscale_(?:tkn|pw|oauth)_[\w.-]{20,}|vc[pkic]_[A-Za-z0-9]{24,}",
    "Azure": r"[\w.~-]{3}\dQ~[\w.~-]{31,}",
    "watching": r"gl(?:sa|c)_[\w+/=]{32,}|NR(?:AK|II)-[\w-]{20,}|sntry[su]_[\w+/=]{30,}|ph[cx]_[A-Za-z0-9]{40,}",
    "Atlassian, Notion, Linear": r"AT(?:ATT|CTT)3[\w=-]{20,}|ATBB[A-Za-z0-9]{28,}"
    r"|ntn_[A-Za-z0-9]{40,}|secret_(?=[a-zA-Z]*\d)[A-Za-z0-9]{43}(?!\w)"
    r"|lin_(?:api|oauth)_[A-Za-z0-9]{32,}",
    "Figma, Postman, Shopify, Mapbox": r"fig[du]_[\w-]{30,}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sk\.eyJ[\w-]{20,}\.[\w-]{16,}",
    "building and scheduling": r"CCIP(?:AT|RJ)_\w{20,}|bkua_[0-9a-f]{40}|pn[ub]_[A-Za-z0-9]{36}|sq[upa]_[0-9a-f]{40}",
    "Twilio, Mailgun": r"SK[0-9a-f]{32}(?![0-9a-f])|key-[0-9a-f]{32}(?![0-9a-f])",
}
_MARKS = (
    *("sk_", "csk-", "fw_", "lsv2_", "tvly-", "jina_", "pa-", "dckr_", ".atlasv1.", "dp.", "ops_", "AGE-SECRET"),
    *("_v1_", "HRKU-", "tskey-", "sb_", "sbp_", "pscale_", "vcp_", "vck_", "vci_", "vcc_", "Q~", "glsa_", "glc_"),
    *("NRAK", "NRII", "sntry", "phc_", "phx_", "ATAT", "ATCT", "ATBB", "ntn_", "secret_", "lin_", "figd_", "figu_"),
    *("PMAK", "shpat_", "shpca_", "shppa_", "shpss_", "sk.", "CCIP", "bkua_", "pnu_", "pnb_", "squ_", "sqp_", "sqa_"),
    *("SK", "key-"),
)
_RARE_FORM = late("(?<![A-Za-z0-9])(?P<secret>" + "|".join(RARE_FORMS.values()) + ")")
_LONG = re.compile(r"[\w.~-]{25}")  # no shorter text holds one

_PRIVATE_KEY = re.compile(
    r"(?P<secret>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z))"
)
_IN_ADDRESS = re.compile(
    r"(?<=://)(?!\[masked)[^/\s:@\"'<>]{0,200}:(?P<secret>(?!\[masked)[^/\s\"'<>]{1,500})@(?=[\w.\[-])"
)
_ALONE_IN_ADDRESS = re.compile(r"(?<=://)(?P<secret>(?=[^/@]*\d)[A-Za-z0-9_-]{20,200})@(?=[\w.\[-])")
_IN_QUERY = re.compile(
    r"[?&;](?:sig|signature|x-(?:amz|goog|oss|cos)-(?:signature|security-token|credential)|awsaccesskeyid|code)="
    r"(?P<secret>(?!\[masked)[^&\s\"'\\<>]{8,})",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(?:bearer|basic|apikey)\s+(?P<secret>(?=[^\s\"']*\d)[A-Za-z0-9._~+/=-]{16,})", re.IGNORECASE)

_LOGIN = re.compile(r"\bwandb login(?:\s+--?[\w-]+)*\s+(?P<secret>[0-9a-f]{40})\b")

# A name, what joins it to a value, and the value: `--hf-token x`, `PASSWORD=x`, `"password": "x"`, in JSON within JSON
# with backslashes before the quotes.
_GIVEN = re.compile(
    r"(?<![\w.-])(?P<dashes>--?)?(?P<name>[A-Za-z_][\w.-]{1,80})"
    r"(?P<joint>\\*[\"']?\s*(?:=>|=|:)\s*(?:\\*[\"'])?|(?<=\w)\s+(?:\\*[\"'])?)"
    r"(?P<secret>(?:(?<=[\"'])(?:[^\"'\\]|\\(?!\\*[\"']))+|[^\s\"'\\&;,)}\]<>]+))"
)
_ARGUMENT = re.compile(  # `["--password", "x"]`, in JSON within JSON too
    r"[\"']--?(?P<name>[A-Za-z_][\w.-]{1,80})\\*[\"']\s*,\s*\\*[\"'](?P<secret>(?!-)[^\"'\\]+)"
)
_KAGGLE = re.compile(r"\"username\\*\"\s*:\s*\\*\"[^\"]*\"\s*,\s*\\*\"key\\*\"\s*:\s*\\*\"(?P<secret>[0-9a-f]{32})")
_LISTED = re.compile(
    r"[\"'](?:name|key)\\*[\"']\s*:\s*\\*[\"'](?P<name>[\w.-]{2,80})\\*[\"']\s*,\s*\\*[\"']value\\*[\"']\s*:\s*\\*[\"']"
    r"(?P<secret>[^\"'\\]+)",
    re.IGNORECASE,
)
_SHORTEST = 6  # characters of a text in which a secret could stand

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TRAILING = _words("value string str text plain plaintext base64 b64 encoded prod dev test staging")
_SURE_LAST = _words(
    "pwd secret secrets credential credentials creds jwt webhook cookie authorization mnemonic apikey apitoken "
    "authtoken accesstoken hftoken hubtoken wandbtoken githubtoken bottoken accesskey secretkey privatekey wandbkey "
    "sshkey dbpass userpass pgpass mysqlpass rootpass adminpass"
)
_PASSWORD = re.compile(r"passw(?:or)?d$|passwd$|passphrase$|passcode$")
_BEFORE_KEY = _words(
    "api access secret private encryption decryption signing auth ssh license subscription wandb openai anthropic "
    "comet kaggle hf huggingface cohere mistral groq gemini langchain langsmith pinecone neptune ngc nvidia clearml "
    "datadog dd newrelic sendgrid stripe twilio shared sas hmac fernet deploy deepgram assemblyai elevenlabs algolia "
    "roboflow ultralytics hub voyage jina tavily together togetherai fireworks deepseek perplexity cerebras xai "
    "weaviate qdrant milvus zilliz mailgun mapbox finnhub quandl alphavantage openweather rapidapi serpapi"
)
_BEFORE_TOKEN = _words(
    "auth access api hf hub huggingface hugging face wandb bearer refresh session security jwt oauth github gh "
    "gitlab git slack neptune comet mlflow databricks dagshub pypi npm secret bot login deploy sas personal azure "
    "aws gcp openai anthropic replicate cohere telegram discord vault sentry clearml kaggle snowflake service "
    "registry ngc docker dockerhub artifactory jfrog codeartifact tracking oauth2 modelscope civitai dd lightning"
)
_BEFORE_PASS = _words(
    "db database user mysql postgres pg redis smtp mail ftp sftp admin root login ssh redshift snowflake sql mongo "
    "es elastic neo4j proxy http https jdbc rds service"
)
_BEFORE_PAT = _words("github gh gitlab git azure devops ado databricks snowflake")

SURE, DOUBTFUL, NO = "sure", "doubtful", "no"

_STANDS_FOR_NOTHING = re.compile(
    r"(?:true|false|yes|no|none|null|nil|undefined|on|off|default|auto|iam|\W*|.{1,2}|\*+|x{3,}"
    r"|<.*>|\[masked.*|\[.*\]|\{.*\}|\$[{(].*[})]|(?-i:\$[A-Z_][A-Z0-9_]*)|%\(.*\)s|%\{.*\}"
    r"|arn:aws.*|s3://[^?]*|ssm:.*|secretsmanager:.*|resolve:.*|os\.environ.*|env[.:].*"
    r"|(?:~|\.{1,2})?/(?:opt|root|home|tmp|mnt|etc|var|usr|run|data|workspace|app|ml|code|content|secrets)(?:/.*)?"
    r"|[\w./~-]+\.(?:json|txt|pem|key|ya?ml|ini|cfg|env|toml|py|csv))",
    re.IGNORECASE | re.DOTALL,
)
_RANDOM = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=\D*\d)(?:[A-Za-z0-9+=]{20,}|[A-Za-z0-9+/]{40,}={1,2})")
_WANDB_KEY = re.compile(r"[0-9a-f]{40}")  # as commits are
_HEX_TOKEN = re.compile(r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{32,}")
_OF_A_COMMIT = re.compile(r"commit|sha|git|hash|rev|version|digest")
_BASE64 = re.compile(r"(?i)[_.-]?(?:base|b)64$")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


@lru_cache(maxsize=4096)
def speaks_of_a_secret(name: str) -> str:
    """Whether what has this name is a secret: SURE, DOUBTFUL (if it looks random as well), or NO."""
    words = [word.lower() for word in _WORD.findall(_BASE64.sub("", name)) if not word.isdigit()]
    while len(words) > 1 and words[-1] in _TRAILING:
        words.pop()
    if not words:
        return NO
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    before = words[0] if before == "app" else before  # Datadog has a key for an API and one for an application
    if last in _SURE_LAST or _PASSWORD.search(last) or words[-2:] in (["pass", "phrase"], ["pass", "word"]):
        return SURE
    if last in ("key", "keys") or words[-3:] == ["access", "key", "id"]:
        before = "access" if last == "id" else before
        return SURE if before in _BEFORE_KEY else DOUBTFUL if last == "key" and before else NO
    if last in ("token", "tokens"):
        return SURE if before in _BEFORE_TOKEN or words == ["token"] else DOUBTFUL if last == "token" else NO
    if last == "pass":
        return SURE if before in _BEFORE_PASS or not before else NO
    if last == "pat":
        return SURE if before in _BEFORE_PAT else NO
    if last == "api":
        return DOUBTFUL
    if last == "auth":
        return SURE if before in ("basic", "http", "proxy") else DOUBTFUL
    return SURE if words[-2:] == ["webhook", "url"] else NO


def is_secret(name: str, value: str) -> bool:
    """Whether the whole value is a secret, by its name. What only points at a secret, or says that there is one, is
    none: a path, an ARN, `true`."""
    spoken = speaks_of_a_secret(name)
    bare = value.strip().strip("\"'")
    if "wandb" in name.lower() and _WANDB_KEY.fullmatch(bare) and not _OF_A_COMMIT.search(name.lower()):
        return True
    if spoken == NO:
        return False
    if _STANDS_FOR_NOTHING.fullmatch(bare):
        return False
    if spoken == DOUBTFUL:
        if _HEX_TOKEN.fullmatch(bare) and name.lower().endswith(("token", "auth")):
            return True
        return _RANDOM.fullmatch(bare) is not None
    is_of_passwords = "pass" in name.lower() or name.lower().endswith(("pwd", "secret"))
    return is_of_passwords or _NUMBER.fullmatch(bare) is None


def without_secrets(text: str, instead: Callable[[str], str]) -> str:
    """The text with `instead(secret)` for each secret in it."""
    if len(text) < _SHORTEST:
        return text

    def replaced(found: re.Match[str]) -> str:
        start, end = (place - found.start() for place in found.span("secret"))
        return found[0][:start] + instead(found["secret"]) + found[0][end:]

    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(replaced, text)
    if "://" in text:
        text = _IN_ADDRESS.sub(replaced, text)
        text = _ALONE_IN_ADDRESS.sub(replaced, text)
    text = _FORM.sub(replaced, text)
    if any(mark in text for mark in _MARKS) and _LONG.search(text):
        text = _RARE_FORM.sub(replaced, text)
    if "=" in text:
        text = _IN_QUERY.sub(replaced, text)
    if " " in text:
        text = _BEARER.sub(replaced, text)
        text = _LOGIN.sub(replaced, text)
    if any(joint in text for joint in "=: ,"):
        for pattern in (_LISTED, _ARGUMENT):
            text = pattern.sub(
                lambda found: replaced(found) if is_secret(found["name"], found["secret"]) else found[0], text
            )
        text = _KAGGLE.sub(replaced, text)
        text = _without_given(text, replaced)
    return text


def _without_given(text: str, replaced: Callable[[re.Match[str]], str]) -> str:
    """What is given to a name that speaks of a secret. A name that does not may itself be what is given, so the search
    continues behind the name, not behind its value."""
    parts: list[str] = []
    place = 0
    while found := _GIVEN.search(text, place):
        is_given = _is_given(found)
        end = found.end() if is_given else found.end("name")
        parts += [text[place : found.start()], replaced(found) if is_given else text[found.start() : end]]
        place = end
    return "".join([*parts, text[place:]])


def _is_given(found: re.Match[str]) -> bool:
    name, joint, value = found["name"], found["joint"], found["secret"]
    if not is_secret(name, value):
        return False
    if joint.isspace():
        return found["dashes"] is not None and not value.startswith("-")
    if joint == ":" and found.string[: found.start()].endswith(":"):  # arn:aws:secretsmanager:…:secret:name
        return False
    is_quoted = joint[-1] in "\"'"
    is_prose = joint.endswith(" ") and not is_quoted  # "unexpected token: EOF" names no secret
    return not is_prose or (len(value) >= _SHORTEST and any(map(str.isdigit, value)))
