"""Which way a metric is better, for the names that libraries and containers give."""

import pytest

from trialbook.core.metric_names import is_maximised
from trialbook.core.objectives import ObjectiveType, known_direction, known_metrics

HIGHER = """
validation:accuracy validation:auc validation:aucpr validation:balanced_accuracy validation:f1 validation:f1_binary
validation:f1_macro validation:map validation:map@5 validation:ndcg validation:ndcg@10 validation:precision
validation:precision_macro validation:precision_micro validation:r2 validation:recall validation:recall_macro
validation:recall_micro validation:interval-regression-accuracy validation:pre eval_accuracy eval_f1 eval_precision
eval_recall eval_matthews_correlation eval_pearson eval_spearmanr eval_bleu eval_sacrebleu eval_rouge1 eval_rouge2
eval_rougeL eval_rougeLsum eval_meteor eval_exact_match eval_f1_micro eval/rewards/mean val_accuracy val_acc acc
accuracy val_auc val_binary_accuracy val_sparse_categorical_accuracy val_top_k_categorical_accuracy val_precision
val_recall val_mean_io_u val_f1_score val_r2_score val_cosine_similarity val_precision_at_recall
val_sensitivity_at_specificity val_true_positives valid_acc val/acc val/f1 val/dice test_acc_epoch val_iou val_mIoU
val/mAP50 metrics/mAP50-95(B) metrics/precision(B) val_auroc roc_auc roc_auc_ovr average_precision f1_weighted f1_macro
jaccard r2 explained_variance neg_mean_squared_error neg_log_loss neg_root_mean_squared_error neg_brier_score
neg_mean_absolute_error balanced_accuracy matthews_corrcoef top_k_accuracy adjusted_rand_score v_measure_score
normalized_mutual_info_score silhouette_score d2_absolute_error_score d2_tweedie_score fowlkes_mallows_score
completeness_score cohen_kappa_score test_roc_auc BinaryAccuracy MulticlassF1Score BinaryAUROC
MultilabelAveragePrecision BinarySpecificity R2Score ExplainedVariance PearsonCorrCoef SpearmanCorrCoef
KendallRankCorrCoef ConcordanceCorrCoef StructuralSimilarityIndexMeasure PeakSignalNoiseRatio
ScaleInvariantSignalDistortionRatio BLEUScore ROUGEScore RetrievalMRR RetrievalNormalizedDCG MeanAveragePrecision
MulticlassJaccardIndex WordInfoPreserved InceptionScore CosineSimilarity TotalF1 MCC Kappa PRAUC QueryAUC
true_positive_rate negative_predictive_value hits@10 mean_reciprocal_rank episode_reward_mean log_likelihood tpr_at_fpr
test:pwll mAP IoU psnr ssim distance_correlation eval_top1 val_top_5 top1_acc mota val/idf1 hota pck uas las auuc
qini clip_score rewards/accuracies rollout/ep_rew_mean mean_token_accuracy humaneval_pass@1 bbox/AP quadratic_weighted_kappa
-val_loss -loss mean_squared_error_neg val_loss_negated
""".split()  # noqa: SIM905
LOWER = """
validation:error validation:logloss validation:mlogloss validation:merror validation:mae validation:mape validation:mse
validation:rmse validation:rmsle validation:mphe validation:cox-nloglik validation:gamma-nloglik
validation:poisson-nloglik validation:gamma-deviance validation:tweedie-nloglik validation:tweedie-nloglik@1.5
validation:aft-nloglik validation:error@0.7 eval_loss train_loss loss eval_wer eval_cer eval_perplexity eval_mse
perplexity val_loss val_mean_squared_error val_mean_absolute_error val_binary_crossentropy
val_kullback_leibler_divergence val_hinge val_squared_hinge val_logcosh val_log_cosh_error val_poisson
val_mean_absolute_percentage_error val_false_positives val_root_mean_squared_error val_output_a_loss val/loss valid_loss
test_loss_epoch val_rmse val/box_loss val_auc_loss log_loss brier_score brier_score_loss mean_squared_error
mean_absolute_error max_error hamming_loss zero_one_loss hinge_loss mean_pinball_loss mean_tweedie_deviance
davies_bouldin_score coverage_error label_ranking_loss median_absolute_error root_mean_squared_log_error
negative_log_likelihood nll inertia MeanSquaredError MeanAbsoluteError CalibrationError BinaryCalibrationError
HammingDistance KLDivergence WordErrorRate CharErrorRate MatchErrorRate TranslationEditRate FrechetInceptionDistance
LearnedPerceptualImagePatchSimilarity Perplexity WordInfoLost RetrievalFallOut SymmetricMeanAbsolutePercentageError
MinkowskiDistance TweedieDevianceScore HingeLoss Logloss MultiClass BrierScore ZeroOneLoss HammingLoss SMAPE NumErrors
binary_logloss multi_error l1 l2 huber kullback_leibler cross_entropy quantile_loss false_positive_rate fpr mean_rank
bits_per_byte mean_wQuantileLoss error_rate crps loss_per_token top1_err top_5_error val_mpjpe val_epe ibs OWA fvd abs_rel
sq_rel hd95 mcd MASE RMSSE test:msd mcc_loss accuracy_loss word_perplexity ctc_loss
-accuracy val_auc_neg
""".split()  # noqa: SIM905
NEITHER = """
eval_runtime eval_samples_per_second eval_steps_per_second epoch train_runtime total_flos learning_rate lr accuracy_std
loss_scale grad_norm num_leaves entropy score generalization_gap 1-auc loss_ratio step iterations
ep_len_mean policy_entropy num_tokens reward_std throughput train:progress
mape_reverse reversed_accuracy inverted_loss
""".split()  # noqa: SIM905


@pytest.mark.parametrize("metric", HIGHER)
def test_greater_values_are_better(metric: str) -> None:
    assert is_maximised(metric) is True


@pytest.mark.parametrize("metric", LOWER)
def test_smaller_values_are_better(metric: str) -> None:
    assert is_maximised(metric) is False


@pytest.mark.parametrize("metric", NEITHER)
def test_names_that_do_not_say_are_not_guessed(metric: str) -> None:
    assert is_maximised(metric) is None


@pytest.mark.parametrize("metric", known_metrics())
def test_words_never_contradict_the_tables_of_aws(metric: str) -> None:
    by_words = is_maximised(metric)

    assert by_words in (None, known_metrics()[metric] is ObjectiveType.MAXIMIZE)
    assert known_direction(metric) is known_metrics()[metric]
