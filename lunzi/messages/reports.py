"""Messages about report pages: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
    # The top of the page.
    "reports.kind_of_page": ("Training report", "训练报告"),
    "reports.accuracy_on_test_data": ("accuracy on the test data", "测试数据上的准确率"),
    "reports.mean_error_on_test_data": (
        "mean absolute error on the test data",
        "测试数据上的平均绝对误差",
    ),
    "reports.right_images": (
        "The network named the right class for {right} of {total} test images.",
        "在 {total} 张测试图像中，网络认对了 {right} 张的类别。",
    ),
    "reports.right_rows": (
        "The network named the right class for {right} of {total} test rows.",
        "在 {total} 行测试数据中，网络判对了 {right} 行的类别。",
    ),
    "reports.right_samples": (
        "The network named the right class for {right} of {total} test samples.",
        "在 {total} 个测试样本中，网络判对了 {right} 个的类别。",
    ),
    "reports.above_majority": (
        "Always answering “{name}”, the most frequent class, would be right {share} of the time.",
        "若一律回答最常见的类别“{name}”，准确率是 {share}。",
    ),
    "reports.below_majority": (
        "That is no better than always answering “{name}”, the most frequent class, which is "
        "right {share} of the time.",
        "这并不比一律回答最常见的类别“{name}”更好，后者的准确率是 {share}。",
    ),
    "reports.interval": (
        "On new data of the same kind, expect {low} to {high} (95% confidence interval).",
        "对同类的新数据，准确率预计在 {low} 到 {high} 之间（95% 置信区间）。",
    ),
    "reports.misses_by": (
        "Over {total} test rows, the predicted “{target}” is off by {error} on average.",
        "在 {total} 行测试数据上，“{target}”的预测值平均偏差 {error}。",
    ),
    "reports.above_mean": (
        "Always answering {mean}, the mean, would be off by {error}.",
        "若一律回答均值 {mean}，平均偏差是 {error}。",
    ),
    "reports.below_mean": (
        "That is no better than always answering {mean}, the mean, which is off by {error}.",
        "这并不比一律回答均值 {mean} 更好，后者的平均偏差是 {error}。",
    ),
    "reports.explains": (
        "The network explains {share}% of the variance (R²).",
        "网络解释了 {share}% 的方差（R²）。",
    ),
    "reports.this_network": ("This network", "本网络"),
    "reports.majority_class": ("Most frequent class", "最常见的类别"),
    "reports.always_mean": ("Always the mean", "一律回答均值"),
    # How it learned.
    "reports.learning": ("How it learned", "学习过程"),
    "reports.trained_one_epoch": ("It was trained for one epoch.", "共训练 1 轮。"),
    "reports.trained_epochs": ("It was trained for {epochs} epochs.", "共训练 {epochs} 轮。"),
    "reports.trained_until_best": (
        "It was trained for {epochs} epochs; the weights of epoch {best} were kept (dashed line).",
        "共训练 {epochs} 轮，保留第 {best} 轮的权重（图中虚线）。",
    ),
    "reports.chart_by_epoch": ("{quantity} by epoch", "各轮的{quantity}"),
    "reports.epoch": ("epoch", "轮"),
    "reports.training": ("training", "训练"),
    "reports.validation": ("validation", "验证"),
    "reports.loss": ("Loss", "损失"),
    "reports.accuracy": ("Accuracy", "准确率"),
    "reports.precision": ("Precision", "精确率"),
    "reports.recall": ("Recall", "召回率"),
    "reports.f1": ("F1 score", "F1 值"),
    "reports.perplexity": ("Perplexity", "困惑度"),
    "reports.learning_rate": ("Learning rate", "学习率"),
    "reports.mae": ("Mean absolute error", "平均绝对误差"),
    "reports.rmse": ("Root mean squared error", "均方根误差"),
    "reports.r2": ("Coefficient of determination R²", "决定系数 R²"),
    "reports.lower_is_better": ("lower is better", "越低越好"),
    "reports.higher_is_better": ("higher is better", "越高越好"),
    "reports.values_not_drawn": (
        "values that are NaN or infinite, not drawn: {broken}",
        "未画出的 NaN 或无穷大的值：{broken} 个",
    ),
    "reports.nothing_to_draw": ("no value that can be drawn", "没有可以画出的值"),
    "reports.all_numbers": ("All numbers", "全部数值"),
    # What it confuses.
    "reports.confusion": ("What it confuses", "混淆情况"),
    "reports.most_confused": (
        "Most often “{truth}” was taken for “{prediction}”: {times} of {total} times.",
        "最常见的错误是把“{truth}”认作“{prediction}”：{total} 次中有 {times} 次。",
    ),
    "reports.nothing_confused": ("No class was taken for another.", "没有混淆任何类别。"),
    "reports.confusion_matrix": ("Confusion matrix", "混淆矩阵"),
    "reports.confusion_note": (
        "Rows are the truth, columns the predictions. The stronger the colour, the larger the "
        "share of its row: blue is right, orange is wrong.",
        "行是真实类别，列是预测类别。颜色越深，在该行中占比越大：蓝色为正确，橙色为错误。",
    ),
    "reports.confused_pairs": ("Most confused classes", "最易混淆的类别"),
    "reports.confused_pairs_note": (
        "the {shown} most frequent kinds of mistakes",
        "最常见的 {shown} 种错误",
    ),
    "reports.times": ("Times", "次数"),
    "reports.share_of_class": ("Share of the class", "占该类别"),
    "reports.total": ("Total", "合计"),
    "reports.class_scores": ("Scores of each class", "各类别的指标"),
    "reports.class_scores_note": (
        "Precision: how often the answer was right when this class was named. Recall: how many "
        "of this class were found. F1: both in one.",
        "精确率：判为该类别时有多少是对的。召回率：该类别有多少被找到。F1：两者的调和平均。",
    ),
    "reports.class": ("Class", "类别"),
    "reports.samples": ("Samples", "样本"),
    "reports.mean_of_classes": ("Mean of the classes", "各类别均值"),
    # What is wrong.
    "reports.mistakes": ("All mistakes: {number}", "全部错误：{number} 个"),
    "reports.no_mistakes": (
        "There are none: every test sample was classified correctly.",
        "没有错误：每个测试样本都分类正确。",
    ),
    "reports.mistakes_note": (
        "The most confident mistakes come first. The bars are the probabilities of the likeliest "
        "classes: blue is the truth, orange the wrong prediction.",
        "把握最大的错误排在最前。条形是最可能的几个类别的概率：蓝色是真实类别，橙色是错误的预测。",
    ),
    "reports.mistakes_left_out": (
        "Of {total} mistakes, the {shown} most confident are shown.",
        "共有 {total} 个错误，此处列出把握最大的 {shown} 个。",
    ),
    "reports.more_mistakes": ("Show the other {number}", "显示其余 {number} 个"),
    "reports.mistakes_table": ("The mistakes", "错误列表"),
    "reports.truth": ("Truth", "真实"),
    "reports.prediction": ("Prediction", "预测"),
    "reports.sample": ("Sample", "样本"),
    "reports.likeliest": ("Likeliest classes", "最可能的类别"),
    "reports.picture": ("Picture", "图片"),
    "reports.picture_alt": (
        "Sample {name}: truth {truth}, prediction {prediction}",
        "样本 {name}：真实 {truth}，预测 {prediction}",
    ),
    "reports.sample_alt": ("Sample {name}", "样本 {name}"),
    # Errors of a regression.
    "reports.errors": ("How far off", "误差"),
    "reports.scatter": ("Prediction against truth", "预测值与真实值"),
    "reports.scatter_note": (
        "On the line, both are equal. Ringed: the {ringed} worst.",
        "线上的点两者相等。圆圈：误差最大的 {ringed} 个。",
    ),
    "reports.scatter_note_some": (
        "On the line, both are equal. Ringed: the {ringed} worst. Drawn: {shown} of {total}.",
        "线上的点两者相等。圆圈：误差最大的 {ringed} 个。画出 {total} 个点中的 {shown} 个。",
    ),
    "reports.true_value": ("true value", "真实值"),
    "reports.predicted_value": ("predicted value", "预测值"),
    "reports.residuals": ("Residuals", "残差"),
    "reports.residuals_note": (
        "How many predictions are too low (left of the line) or too high (right).",
        "预测偏低（线左）和偏高（线右）的各有多少。",
    ),
    "reports.prediction_minus_truth": ("prediction − truth", "预测值 − 真实值"),
    "reports.measures": ("Against always answering the mean", "与一律回答均值相比"),
    "reports.measure": ("Measure", "指标"),
    "reports.worst": ("The worst predictions", "误差最大的预测"),
    "reports.worst_note": ("Sorted by the size of the error.", "按误差大小排列。"),
    "reports.error": ("Error", "误差"),
    # How to repeat the run.
    "reports.repeat": ("To repeat this run", "重现这次训练"),
    "reports.command": ("Command", "命令"),
    "reports.data_set": ("Data set", "数据集"),
    "reports.split_counts": (
        "training {training} · validation {validation} · test {test}",
        "训练 {training} · 验证 {validation} · 测试 {test}",
    ),
    "reports.network": ("Network", "网络"),
    "reports.parameters": ("Parameters", "参数"),
    "reports.seed": ("Seed", "随机种子"),
    "reports.threads": ("Threads", "线程"),
    "reports.training_time": ("Training time", "训练用时"),
    "reports.versions": ("Versions", "版本"),
    "reports.seconds": ("{seconds} s", "{seconds} 秒"),
    "reports.minutes": ("{minutes} min {seconds} s", "{minutes} 分 {seconds} 秒"),
    "reports.hours": ("{hours} h {minutes} min", "{hours} 小时 {minutes} 分"),
    "reports.footer": (
        "Made by Lunzi. This page needs no network connection and sends nothing.",
        "由 Lunzi 生成。本页不需要网络，也不发送任何信息。",
    ),
}
