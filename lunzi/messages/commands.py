"""Messages about the command line: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
    "commands.help": (
        "Lunzi trains neural networks, and shows how they work.",
        "Lunzi:深度学习轮子。训练神经网络，并展示它们如何工作。",
    ),
    "commands.help_train": (
        "Train a network and write a report: `lunzi train digits`, or a table of your own with "
        "`lunzi train data.csv --target COLUMN`.",
        "训练神经网络并生成报告：`lunzi train digits`，或用自己的表格 "
        "`lunzi train data.csv --target 列名`。",
    ),
    "commands.help_predict": (
        "Print predictions with probabilities for pictures or the rows of CSV files.",
        "对图片或 CSV 文件的每一行给出预测和概率。",
    ),
    "commands.help_inspect": (
        "List the tensors in a model file.",
        "列出模型文件中的张量。",
    ),
    "commands.help_show": (
        "Show what a compiled function becomes, stage by stage. The file is loaded, and its "
        'function must be called there, outside `if __name__ == "__main__":`; or a function '
        "`example()` must give the arguments of a call, which is then not made.",
        "逐阶段展示已编译函数的变换过程。命令会加载该文件；文件中须在 `if __name__ == "
        '"__main__":` 之外调用过该函数，或定义 `example()` 给出调用参数（此时函数不会运行）。',
    ),
    "commands.option_version": ("show the version and end", "显示版本号并退出"),
    "commands.option_language": ("language of messages and reports", "消息和报告的语言"),
    "commands.option_debug": (
        "show the traceback when something goes wrong",
        "出错时显示完整的调用栈",
    ),
    "commands.option_help": ("show this help and end", "显示此帮助并退出"),
    "commands.option_quiet": ("say nothing but what goes wrong", "只显示错误消息"),
    "commands.option_what": (
        "a recipe (digits), or a CSV file of your own",
        "内置任务（digits），或自己的 CSV 文件",
    ),
    "commands.option_target": ("column of the CSV file to predict", "CSV 文件中要预测的列"),
    "commands.option_task": (
        "what the target asks for, where it is guessed wrong",
        "目标的类型（分类或回归），自动判断有误时指定",
    ),
    "commands.option_seed": (
        "seed of everything random, 0 or more; 0 when it is not given",
        "随机种子，不小于 0，默认为 0",
    ),
    "commands.option_epochs": (
        "how often to go through the training data",
        "训练轮数，即训练数据使用的次数",
    ),
    "commands.option_out": (
        "folder for the run, new or empty; otherwise runs/NAME-1, NAME-2 and so on",
        "保存结果的文件夹，新建或为空；不指定时为 runs/名称-1、名称-2 等",
    ),
    "commands.option_resume": ("folder of a run to go on with", "要继续训练的文件夹"),
    "commands.option_encoding": (
        "of CSV files, such as gb18030; found from their content otherwise",
        "CSV 文件的编码，如 gb18030；不指定时根据内容判断",
    ),
    "commands.option_no_compile": (
        "run each step as it stands, without compiling it",
        "不编译，逐个算子执行训练的每一步",
    ),
    "commands.option_run": ("run folder or model file", "训练文件夹或模型文件"),
    "commands.option_files": ("pictures or CSV files", "图片或 CSV 文件"),
    "commands.option_file": (
        "Python file, and the function in it that lz.compile made; its name may be left out where "
        "there is one",
        "Python 文件及其中由 lz.compile 得到的函数；只有一个时可省略函数名",
    ),
    "commands.option_after": (
        "stage to show; graph when it is not given, `--after list` lists them",
        "要展示的阶段，默认为 graph；用 `--after list` 列出全部阶段",
    ),
    "commands.option_cost": (
        "measure what each part costs: time, operations, bytes",
        "测量各部分的耗时、运算次数和访存字节数",
    ),
    "commands.option_path": ("model file or run folder", "模型文件或训练文件夹"),
    "commands.option_sort": (
        "order of the rows: by name, unless given, or by size",
        "行的顺序：按名称（默认）或按大小",
    ),
    # The page of help
    "commands.usage": ("Usage: {usage}", "用法：{usage}"),
    "commands.usage_command": ("[OPTIONS] COMMAND [ARGUMENTS]", "[选项] 命令 [参数]"),
    "commands.usage_options": ("[OPTIONS]", "[选项]"),
    "commands.section_arguments": ("Arguments:", "参数："),
    "commands.section_options": ("Options:", "选项："),
    "commands.section_commands": ("Commands:", "命令："),
    "commands.more_help": (
        "`lunzi COMMAND --help` tells more of each.",
        "用 `lunzi 命令 --help` 查看各命令的详细用法。",
    ),
    "commands.metavar_what": ("WHAT", "任务"),
    "commands.metavar_target": ("COLUMN", "列名"),
    "commands.metavar_seed": ("NUMBER", "数字"),
    "commands.metavar_epochs": ("NUMBER", "数字"),
    "commands.metavar_out": ("FOLDER", "文件夹"),
    "commands.metavar_resume": ("FOLDER", "文件夹"),
    "commands.metavar_encoding": ("NAME", "名称"),
    "commands.metavar_run": ("RUN", "训练文件夹"),
    "commands.metavar_file": ("FILE.py:NAME", "FILE.py:NAME"),
    "commands.metavar_after": ("STAGE", "阶段"),
    "commands.metavar_files": ("FILE", "文件"),
    "commands.metavar_path": ("FILE", "文件"),
    "commands.separator": (", ", "、"),
    "commands.expects_choice": ("one of {choices} is expected", "应为 {choices} 之一"),
    "commands.expects_whole_number": ("a whole number is expected", "应为整数"),
    # What `lunzi show` says
    "commands.show_no_python": (
        "{file} is no Python file: write FILE.py:NAME, as in digits.py:f",
        "{file} 不是 Python 文件：请写成 FILE.py:NAME，如 digits.py:f",
    ),
    "commands.show_no_name": (
        "{file} has no {name}; the compiled functions in it are {names}",
        "{file} 中没有 {name}；其中已编译的函数有 {names}",
    ),
    "commands.show_not_compiled": (
        "{name} in {file} is not compiled: write @lz.compile above it",
        "{file} 中的 {name} 未编译：请在其上方加 @lz.compile",
    ),
    "commands.show_none": (
        "{file} has no compiled function: write @lz.compile above one",
        "{file} 中没有已编译的函数：请在函数上方加 @lz.compile",
    ),
    "commands.show_several": (
        "{file} has several compiled functions: name one of {names}, as in {file}:{first}",
        "{file} 中有多个已编译的函数：请指定 {names} 之一，如 {file}:{first}",
    ),
    "commands.show_not_called": (
        "{name} was not called while {file} was loaded: call it once outside "
        '`if __name__ == "__main__":`, or add a function example() that returns the arguments of '
        "a call",
        '加载 {file} 时没有调用 {name}：请在 `if __name__ == "__main__":` 之外调用一次，或添加返回'
        "调用参数的函数 example()",
    ),
    "commands.show_eager": (
        "compiled functions run eagerly here, so that there is nothing to show: install llvmlite, "
        "and leave LUNZI_COMPILE unset",
        "当前环境下函数不经编译直接执行，没有可展示的内容：请安装 llvmlite，并且不要设置 "
        "LUNZI_COMPILE",
    ),
    "commands.show_no_stage": (
        "there is no stage {stage}; the stages are {stages}",
        "没有名为 {stage} 的阶段；可用的阶段有 {stages}",
    ),
    # What a run says
    "commands.digits": (
        "digits: {count:,} handwritten digits, 8 x 8 pixels, in the package",
        "digits：{count:,} 张手写数字，8 x 8 像素，随软件包附带",
    ),
    "commands.split": (
        "train {train:,} | validation {validation:,} | test {test:,} (unseen until the end)",
        "训练集 {train:,} | 验证集 {validation:,} | 测试集 {test:,}（训练结束前不使用）",
    ),
    "commands.digits_network": (
        "network: 2 convolutions + linear, {numbers:,} parameters | seed {seed} | {threads}",
        "网络：2 个卷积层 + 全连接层，{numbers:,} 个参数 | 随机种子 {seed} | {threads}",
    ),
    "commands.thread": ("{count} thread", "{count} 个线程"),
    "commands.threads": ("{count} threads", "{count} 个线程"),
    "commands.table_network": (
        "network: {inputs} - {first} - {second} - {outputs} neurons, {numbers:,} parameters | "
        "seed {seed} | {threads}",
        "网络：{inputs} - {first} - {second} - {outputs} 个神经元，{numbers:,} 个参数 | "
        "随机种子 {seed} | {threads}",
    ),
    "commands.table": (
        "{source}: {rows}, {columns}, {encoding}",
        "{source}：{rows}，{columns}，编码 {encoding}",
    ),
    "commands.row": ("{count} row", "{count} 行"),
    "commands.rows": ("{count:,} rows", "{count:,} 行"),
    "commands.column": ("{count} column", "{count} 列"),
    "commands.columns": ("{count:,} columns", "{count:,} 列"),
    "commands.without_target": (
        "rows without a value in {target}, left out: {count:,}",
        "{target} 列没有值、因此略去的行数：{count:,}",
    ),
    "commands.or_other_task": (
        "{reason} (otherwise: --task {task})",
        "{reason}（否则请用 --task {task}）",
    ),
    "commands.goes_on": (
        "goes on in epoch {epoch} of {epochs}",
        "从第 {epoch} 轮继续（共 {epochs} 轮）",
    ),
    "commands.is_done": (
        "all {epochs} epochs are done; here is the result once more",
        "{epochs} 轮训练均已完成；以下再次给出结果",
    ),
    "commands.wrong_mostly": (
        "{wrong} of {test} wrong; most often {true} read as {read}",
        "{test} 张中错了 {wrong} 张；最常见的是把 {true} 认成 {read}",
    ),
    "commands.none_wrong": ("none of {test} wrong", "{test} 张全部正确"),
    "commands.test_accuracy": ("test accuracy {accuracy:.4f}", "测试准确率 {accuracy:.4f}"),
    "commands.test_rmse": (
        "test error {error} (root mean squared error)",
        "测试误差 {error}（均方根误差）",
    ),
    "commands.beats_majority": (
        "always saying {name} would reach {accuracy:.4f}",
        "如果总是回答 {name}，准确率为 {accuracy:.4f}",
    ),
    "commands.below_majority": (
        "no better than always saying {name}, which reaches {accuracy:.4f}: nothing of use was "
        "learned that would show on these {test:,} rows",
        "不比总是回答 {name}（准确率 {accuracy:.4f}）更好：在这 {test:,} 行上看不出学到了有用的"
        "东西",
    ),
    "commands.beats_mean": (
        "always saying the mean, {mean}, would give {error}",
        "如果总是回答均值 {mean}，误差为 {error}",
    ),
    "commands.below_mean": (
        "no better than always saying the mean, {mean}, which gives {error}: nothing of use was "
        "learned that would show on these {test:,} rows",
        "不比总是回答均值 {mean}（误差 {error}）更好：在这 {test:,} 行上看不出学到了有用的东西",
    ),
    "commands.saved": (
        "saved  {folder}      look   {report}",
        "已保存  {folder}      报告   {report}",
    ),
    "commands.try_predict": (
        "try    lunzi predict {folder} {argument}",
        "试一试  lunzi predict {folder} {argument}",
    ),
    "commands.stopped": (
        "stopped; what was learned so far is saved; go on with: lunzi train --resume {folder}",
        "已停止；到目前为止学到的内容已保存；继续训练：lunzi train --resume {folder}",
    ),
    "commands.output_closed": (
        "Nobody reads the output any more, so the training was stopped; what was learned so far "
        "is saved. Go on with: lunzi train --resume {folder}",
        "输出已无人读取，训练因此停止；到目前为止学到的内容已保存。继续训练："
        "lunzi train --resume {folder}",
    ),
    "commands.nobody_reads": (
        "Nobody reads the output any more, so the training was not begun.",
        "输出已无人读取，因此没有开始训练。",
    ),
    "commands.interrupted": ("interrupted", "已中断"),
    "commands.line": ("line {line}", "第 {line} 行"),
    # What reports show
    "commands.digits_title": ("Handwritten digits", "手写数字"),
    "commands.digits_subtitle": (
        "Trained on the first half of the UCI digits, tested on the second, which other persons "
        "wrote.",
        "用 UCI 手写数字的前一半训练，用后一半测试；后一半由另一些人书写。",
    ),
    "commands.digits_layers": (
        "2 convolutions with batch normalization and pooling, linear",
        "2 个带批归一化和池化的卷积层，1 个全连接层",
    ),
    "commands.table_subtitle": (
        "{target}, predicted from the other columns of the table.",
        "根据表格的其他列预测 {target}。",
    ),
    "commands.target": ("target", "目标列"),
    "commands.epochs": ("epochs", "训练轮数"),
    "commands.batch_size": ("batch size", "批大小"),
    "commands.learning_rate": ("learning rate", "学习率"),
    "commands.optimizer": ("optimizer", "优化器"),
    "commands.weight_decay": ("weight decay", "权重衰减"),
    "commands.label_smoothing": ("label smoothing", "标签平滑"),
    # Columns of tables in the terminal
    "commands.column_tensor": ("tensor", "张量"),
    "commands.column_shape": ("shape", "形状"),
    "commands.column_numbers": ("numbers", "元素个数"),
    "commands.column_line": ("line", "行"),
    "commands.column_probability": ("probability", "概率"),
    "commands.column_dtype": ("dtype", "类型"),
    "commands.column_digit": ("digit", "数字"),
    "commands.inspect_total": (
        "tensors: {tensors} | numbers: {numbers:,} | bytes of the file: {size:,}",
        "张量：{tensors} | 元素：{numbers:,} | 文件字节数：{size:,}",
    ),
    # What goes wrong
    "commands.epochs_range": (
        "--epochs must be 1 or more, got {epochs}.",
        "--epochs 必须不小于 1，得到 {epochs}。",
    ),
    "commands.seed_range": (
        "--seed must be a whole number from 0 to {most}, got {seed}.",
        "--seed 必须是 0 到 {most} 的整数，得到 {seed}。",
    ),
    "commands.folder_not_empty": (
        "The folder {folder} is not empty: name a new one with --out, or go on with --resume.",
        "文件夹 {folder} 不是空的：请用 --out 指定新文件夹，或用 --resume 继续训练。",
    ),
    "commands.out_is_file": (
        "{path} is a file; --out takes a folder, new or empty.",
        "{path} 是文件；--out 需要的是文件夹，新建或为空。",
    ),
    "commands.no_run": (
        "There is no training run in {folder}: a run's folder holds a file run.json.",
        "{folder} 中没有训练记录：训练文件夹中应有 run.json 文件。",
    ),
    "commands.damaged_run": (
        "{path} is damaged, or was written by another version of Lunzi.",
        "{path} 已损坏，或由其他版本的 Lunzi 写入。",
    ),
    "commands.data_changed": (
        "{path} is no longer the file that the run {folder} began with, so it cannot go on: put "
        "the old file back, or train anew.",
        "{path} 已不是 {folder} 开始训练时的那个文件，无法继续：请恢复原来的文件，或者重新训练。",
    ),
    "commands.no_model": (
        "There is no model in {folder}: the run was ended before it was saved.",
        "{folder} 中没有模型：训练在保存之前就结束了。",
    ),
    "commands.no_preprocessing": (
        "{path} does not say how its inputs are made: only runs of `lunzi train` can be used here.",
        "{path} 没有说明输入如何处理：这里只能使用 `lunzi train` 训练出的结果。",
    ),
    "commands.digit_columns": (
        "{source} has {columns} columns; a digit is a row of 64 numbers from 0 to 16.",
        "{source} 有 {columns} 列；每个数字图像应为一行 64 个 0 到 16 的数。",
    ),
    "commands.digit_cell": (
        "{source}, line {line}: column {column} holds {cell!r}; a number from 0 to 16 is needed.",
        "{source} 第 {line} 行：{column} 列的内容是 {cell!r}，应为 0 到 16 的数。",
    ),
    "commands.nothing_to_train": (
        "Say what to train: {names}, or a CSV file with --target COLUMN.",
        "请说明要训练什么：{names}，或 CSV 文件加 --target 列名。",
    ),
    "commands.no_recipe": (
        "There is no recipe or file {name}; there is {names}, or a CSV file with --target COLUMN.",
        "没有名为 {name} 的任务或文件；可以使用 {names}，或 CSV 文件加 --target 列名。",
    ),
    "commands.no_recipe_near": (
        "There is no recipe or file {name}; perhaps {names} is meant.",
        "没有名为 {name} 的任务或文件；可能是指 {names}。",
    ),
    "commands.no_target": (
        "Say which column of {name} is to be predicted: --target COLUMN.",
        "请说明要预测 {name} 的哪一列：--target 列名。",
    ),
    "commands.only_tables": (
        "--task and --encoding are for CSV files: {name} takes neither.",
        "--task 和 --encoding 只用于 CSV 文件：{name} 不需要它们。",
    ),
    "commands.no_column_near": (
        "{path} has no column {column}; perhaps {near} is meant.",
        "{path} 中没有列 {column}；可能是指 {near}。",
    ),
    "commands.no_column_of_many": (
        "{path} has no column {column}; it has {count:,}, the first of them: {names}.",
        "{path} 中没有列 {column}；共有 {count:,} 列，最前面的是：{names}。",
    ),
    "commands.few_rows": (
        "{source} has {rows} rows with a target; {least} at least are needed to train and to test.",
        "{source} 只有 {rows} 行有目标值；训练和测试至少需要 {least} 行。",
    ),
    "commands.no_text": (
        "The name of the file {path} holds bytes that are no UTF-8 text: rename it first.",
        "文件名 {path} 中有不是 UTF-8 文本的字节：请先给文件改名。",
    ),
    "commands.workbook": (
        "{path} is no text, but looks like a workbook of Excel: save it as CSV there, and give "
        "that file.",
        "{path} 不是文本，看起来是 Excel 工作簿：请在 Excel 中另存为 CSV，再使用那个文件。",
    ),
    "commands.resume_alone": (
        "--resume goes on with the settings of its run: leave out other ones.",
        "--resume 使用原来的设置继续训练：请不要同时给出其他设置。",
    ),
    "commands.other_model": (
        "{path} contradicts itself: its network is none for the inputs and answers that it "
        "describes.",
        "{path} 自相矛盾：其中的网络与它描述的输入和回答不符。",
    ),
    "commands.no_such_option": (
        "There is no option {option}; --help shows which there are.",
        "没有选项 {option}；用 --help 查看有哪些选项。",
    ),
    "commands.no_such_option_near": (
        "There is no option {option}; perhaps {names} is meant.",
        "没有选项 {option}；可能是指 {names}。",
    ),
    "commands.needs_value": (
        "{option} needs a value behind it; --help shows which.",
        "{option} 后面需要一个值；用 --help 查看用法。",
    ),
    "commands.takes_no_value": ("{option} takes no value.", "{option} 后面不能有值。"),
    "commands.no_such_command": (
        "There is no command {name}; there are {names}.",
        "没有命令 {name}；现有的命令：{names}。",
    ),
    "commands.no_such_command_near": (
        "There is no command {name}; perhaps {names} is meant.",
        "没有命令 {name}；可能是指 {names}。",
    ),
    "commands.too_many": (
        "{command} does not know what to do with {extra}; --help shows how to call it.",
        "{command} 不知道如何处理 {extra}；用 --help 查看用法。",
    ),
    "commands.missing": (
        "{name} is missing; --help shows how to call it.",
        "缺少 {name}；用 --help 查看用法。",
    ),
    "commands.bad_value": ("{option}: {reason}.", "{option} 的值不正确：{reason}。"),
    "commands.wrong_usage": (
        "{reason}; --help shows what there is.",
        "用法不正确：{reason}；用 --help 查看用法。",
    ),
    # What the system refuses
    "commands.no_memory": (
        "There is not enough memory for this.",
        "内存不足，无法完成。",
    ),
    "commands.file_error": ("{path}: {reason}.", "{path}：{reason}。"),
    "commands.system_error": ("The system refuses: {reason}.", "系统拒绝了操作：{reason}。"),
    "commands.reason_permission": (
        "there is no permission to read or write here",
        "没有读写权限",
    ),
    "commands.reason_read_only": ("this disk may only be read", "磁盘是只读的"),
    "commands.reason_full": ("the disk is full", "磁盘已满"),
    "commands.reason_missing": ("there is no such file or folder", "没有这个文件或文件夹"),
    "commands.reason_exists": (
        "something of this name is there already",
        "已经有同名的文件或文件夹",
    ),
    "commands.reason_folder": ("this is a folder, not a file", "这是文件夹，不是文件"),
    "commands.reason_no_folder": ("a file is in the place of a folder", "文件夹的位置上是一个文件"),
    "commands.reason_long": ("the name is too long", "名称太长"),
}
