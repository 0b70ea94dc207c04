"""Messages about training and checkpoints: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
    "training.epoch": ("epoch {epoch}/{epochs}", "第 {epoch}/{epochs} 轮"),
    "training.compiled": ("compiled in {seconds} s", "编译用时 {seconds} 秒"),
    "training.no_llvmlite": (
        "llvmlite is not installed, so that compiled functions run eagerly, with the same "
        "results: install it with `pip install llvmlite`, or set LUNZI_COMPILE=0",
        "未安装 llvmlite，编译函数将直接逐步执行，结果相同：请运行 `pip install llvmlite` 安装，"
        "或设置 LUNZI_COMPILE=0",
    ),
    "training.left": ("{seconds} left", "还需 {seconds}"),
    "training.seconds": ("{count} s", "{count} 秒"),
    "training.minutes": ("{count} min", "{count} 分钟"),
    "training.hours": ("{count} h", "{count} 小时"),
    "training.column.loss": ("loss", "损失"),
    "training.column.validation_loss": ("validation loss", "验证损失"),
    "training.column.accuracy": ("accuracy", "准确率"),
    "training.column.validation_accuracy": ("validation accuracy", "验证准确率"),
    "training.column.validation_mae": ("validation mae", "验证平均绝对误差"),
    "training.column.validation_rmse": ("validation rmse", "验证均方根误差"),
    "training.column.validation_r2": ("validation r2", "验证 R2"),
    "training.column.validation_perplexity": ("validation perplexity", "验证困惑度"),
    "training.column.lr": ("learning rate", "学习率"),
    "training.no_checkpoint": (
        "{path} is not a checkpoint of a training run.",
        "{path} 不是训练检查点文件。",
    ),
    "training.damaged_checkpoint": (
        "{path} is damaged: the state of the run in it is not whole.",
        "{path} 已损坏：其中的训练状态不完整。",
    ),
    "training.other_environment": (
        "The run goes on in another environment ({changes}): its numbers may differ in the last "
        "bits from those of an uninterrupted run.",
        "训练将在不同的环境中继续（{changes}）：结果的末尾几位可能与不中断的训练不同。",
    ),
}
