"""Which way a metric is better, by the words of its name.

The last word that says anything decides: `auc_loss` is a loss, `distance_correlation` a correlation. `neg` at either
end or a minus before it turns it, what comes after `at` is a condition, and names of spreads, times and counts say
nothing.
"""

import re
from functools import cache

from trialbook.core.patterns import late

_WORD = late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|@")
_LEADING = late(
    r"^(?:(?:train|training|tr|val|valid|validation|eval|evaluation|dev|test|testing|holdout|cv|oof|epoch|step|final|best"
    r"|last|predict|metrics?|max|min)(?:(?: \d+)? s)? )+"  # LightGBM says `valid_0's auc`
)
_NOTHING = late(
    r"\b(?:runtime|time|seconds?|duration|per second|^epochs?|^steps?|samples|flos|memory|lr|learning rate|len|length"
    r"|num(?! errors)|number|count|loss scale|weight|norm|std|stddev|var|variance(?<!explained variance)|gap|delta|diff"
    r"|difference|change|reduction|improvement|decrease|increase|ratio(?<!noise ratio)(?<!distortion ratio)|threshold"
    r"|minus|inv|inverse|inverted|reversed?|flipped|complement|throughput|support)\b|^1 "
)
_NEGATED = late(r"^(?:neg|negative|negated) (?!predictive|rate|sampl)|(?<!true)(?<!false) (?:neg|negated)$")
_HIGHER = (
    r"accuracy|acc|auc|aucs|aucpr|auc pr|prauc|pr auc|auroc|auprc|rocauc|roc auc|roc|average precision|ap(?: [sml])?"
    r"|m ?ap|map|f ?[12]|f ?beta|f ?score|f ?measure|precision|recall|sensitivity|specificity|selectivity"
    r"|pre|n?dcg|dcg|mrr|reciprocal rank|hits?|hit rate|hit ratio|m?iou|m ?io ?u|io u|[gdc]iou|dice|jaccard"
    r"|panoptic quality|pq"
    r"|bleu|sacrebleu|rouge|rouge ?l|rouge ?lsum|meteor|cider|chrf|bert ?score|bleurt|comet|exact match|em|pass"
    r"|r ?2|r squared|r square|d ?2|explained variance|kappa|w?kappa|mcc|matthews|phi coefficient|corr"
    r"|corrcoef|pearson"
    r"|pearsonr|spearman|spearmanr|spearman rho|mean rho|kendall|kendall tau|correlation|concordance|c index|cindex"
    r"|psnr|ms ssim|ssim|uqi|vif|stoi|pesq|si sdr|si snr|sdr|snr|signal (?:noise|distortion) ratio"
    r"|signal to noise ratio"
    r"|rewards?|rew|returns?|gini|lift|profit|revenue|win rate|success rate|success|silhouette|calinski harabasz"
    r"|rand|ari|nmi|ami|mutual info|mutual information|homogeneity|completeness|v measure|fowlkes mallows|dunn"
    r"|likelihood|log lik|loglik|log likelihood|elbo|evidence lower bound|pwll|inception score|word info preserved"
    r"|true positives?(?: rate)?|true negatives?(?: rate)?|tpr|tnr|npv|ppv|positive predictive value"
    r"|negative predictive value|balanced accuracy|top ?k|informedness|youden|g ?mean|cosine similarity"
    r"|similarity|gain"
    r"|accuracy score|p ?found|top [135]|mota|idf ?1|hota|pckh?|uas|las|auuc|qini|clip score"
)
_LOWER = (
    r"loss|losses|[a-z]+loss|error|errors|err|[a-z]error|logloss|[a-z]+logloss|cross ?entropy|crossentropy"
    r"|nll|nloglik"
    r"|perplexity|ppl|bpc|bpb|bits per (?:byte|char|character|dim|word)|r?mse|r?msle|nrmse|m?ae|mae|mape"
    r"|s ?mape|wape|w ?mape"
    r"|mase|rmspe|rmsse|medae|mad|mdape|msd|ssd|sse|rss|crps|deviance|brier|hinge|huber|pinball|poisson"
    r"|tweedie|log ?cosh"
    r"|fair|l ?[12]|mphe|kl|kld|kullback leibler|divergence|jsd|wasserstein|fid|kid"
    r"|frechet inception distance|lpips|perceptual image patch similarity|ergas"
    r"|wer|cer|ter|mer|eer|edit rate|edit distance|word info lost|ece|hamming|distance|hausdorff|assd|chamfer"
    r"|false positives?(?: rate)?|false negatives?(?: rate)?|fpr|fnr|far|frr|fall out|miss rate|false discovery rate"
    r"|davies bouldin|inertia|regret|aic|bic|mean rank|objective loss|pixel distance|displacement|residuals?"
    r"|multi ?class|mpjpe|epe|ibs|owa|fvd|abs rel|sq rel|hd ?95|mcd"
)
_AT_MOST_ONE = late(
    r"\b(?:accuracy|acc|auc|aucpr|prauc|auroc|auprc|rocauc|average precision|m ?ap|f ?[12]|f ?beta|f ?score|f ?measure"
    r"|precision|recall|sensitivity|specificity|ndcg|m?iou|dice|jaccard|r ?2|kappa|mcc|correlation|ssim)\b(?! loss)"
)
_AT_LEAST_ZERO = late(
    r"\b(?:error|err|[a-z]error|logloss|[a-z]+logloss|cross ?entropy|r?mse|r?msle|m?ae|mae|mape|s ?mape|wape|brier|wer"
    r"|cer|fid|hinge)\b"
)
_EXPLAINED = late(r"\bd ?2\b")
_WITHOUT_SCALE = late(
    r"\b(?:r?mse|mae|r?msle|nrmse|msd|ssd|sse|l ?[12]|(?:squared|absolute|percentage) (?:error|loss)|huber|reward|rew"
    r"|returns?|profit|revenue|distance|deviance)\b"
)


@cache
def _hints() -> re.Pattern[str]:
    """Compiled at first use: that takes milliseconds, and most starts guess no direction."""
    return re.compile(rf"\b(?:(?P<higher>{_HIGHER})|(?P<lower>{_LOWER}))\b")


def is_maximised(metric: str) -> bool | None:
    """Whether greater values of a metric of that name are better; None if its words don't say."""
    text = _LEADING.sub("", _words(metric), count=1) or _words(metric)
    head = re.split(r" (?:at|@) ", text)[0]
    if _NOTHING.search(head):
        return None
    head, turns = _NEGATED.subn("", head)
    turns += metric.lstrip().startswith("-")
    found = list(_hints().finditer(head))
    if not found:
        return None
    is_higher = found[-1]["higher"] is not None or _EXPLAINED.search(head) is not None
    return is_higher != bool(turns % 2)


def has_common_scale(metric: str) -> bool:
    """Whether values between 0 and 1 of a metric of that name mean much the same everywhere, as those of an accuracy or
    a log loss do, and those of a mean squared error don't."""
    return _WITHOUT_SCALE.search(_words(metric)) is None


def best_possible(metric: str, *, is_higher: bool) -> int | None:
    """The value that no trial can beat, of metrics with such a bound: 1 for an accuracy, 0 for an error; None where
    the name says nothing of one."""
    head = re.split(r" (?:at|@) ", _words(metric))[0]
    if is_higher:
        return 1 if _AT_MOST_ONE.search(head) else None
    return 0 if _AT_LEAST_ZERO.search(head) else None


def _words(metric: str) -> str:
    return " ".join(_WORD.findall(metric)).lower()
