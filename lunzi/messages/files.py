"""Messages about model files: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
    # The file as such
    "files.missing": (
        "{path} does not exist: check the name and the folder.",
        "找不到 {path}：请检查文件名和所在文件夹。",
    ),
    "files.missing_folder": (
        "{path} cannot be written: the folder {folder} does not exist. Make it first.",
        "无法写入 {path}：文件夹 {folder} 不存在，请先创建它。",
    ),
    "files.folder": (
        "{path} is a folder; the name of a file is needed here.",
        "{path} 是文件夹，这里需要的是文件名。",
    ),
    "files.special": (
        "{path} is a device or a pipe; an ordinary file is needed here.",
        "{path} 是设备或管道，这里需要的是普通文件。",
    ),
    "files.unreadable": (
        "{path} cannot be read: {reason}.",
        "无法读取 {path}：{reason}。",
    ),
    "files.unwritable": (
        "{path} cannot be written: {reason}.",
        "无法写入 {path}：{reason}。",
    ),
    "files.empty": (
        "{path} is empty; a safetensors file was expected.",
        "{path} 是空文件，这里需要 safetensors 文件。",
    ),
    # Another format
    "files.pickle": (
        "{path} is a PyTorch pickle file (.pt, .pth, .bin); reading one can run any program that "
        "is hidden in it, so Lunzi does not. Convert it where you trust it: "
        'state = torch.load("{path}", weights_only=True); '
        'safetensors.torch.save_file(state, "model.safetensors")',
        "{path} 是 PyTorch 的 pickle 文件（.pt、.pth、.bin）；读取它可能会运行其中暗藏的任何程序，"
        "所以 Lunzi 不读取。如果信任它的来源，请这样转换："
        'state = torch.load("{path}", weights_only=True); '
        'safetensors.torch.save_file(state, "model.safetensors")',
    ),
    "files.git_lfs": (
        "{path} is only a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`.",
        "{path} 只是 Git LFS 的指针，而不是文件本身：请用 `git lfs pull` 取回它。",
    ),
    "files.web_page": (
        "{path} is a web page, not a safetensors file: the download went wrong. Download the file "
        "itself.",
        "{path} 是网页，而不是 safetensors 文件：下载出了问题，请重新下载文件本身。",
    ),
    "files.other_format": (
        "{path} is a file of the format {format}; a safetensors file was expected.",
        "{path} 是 {format} 格式的文件，这里需要 safetensors 文件。",
    ),
    "files.not_safetensors": (
        "{path} is no safetensors file: it begins with the bytes {found}; 8 bytes with the length "
        "of the header and then 7b, a brace, were expected.",
        "{path} 不是 safetensors 文件：开头的字节是 {found}，应为 8 字节的文件头长度，"
        "然后是 7b，即大括号。",
    ),
    # The header
    "files.header_too_long": (
        "{path}, byte 0: the header is said to have {claimed:,} bytes; {most:,} are the most. The "
        "file is damaged, or is no safetensors file.",
        "{path} 第 0 字节：文件头声称有 {claimed:,} 字节，最多只能有 {most:,} 字节。文件已损坏，"
        "或者不是 safetensors 文件。",
    ),
    "files.header_cut": (
        "{path} ends within its header, which needs {claimed:,} bytes; the file has {found:,}: "
        "it was cut, or its first 8 bytes are damaged.",
        "{path} 在文件头中间就结束了：文件头需要 {claimed:,} 字节，文件只有 {found:,} 字节。"
        "文件被截断，或者最前面的 8 字节已损坏。",
    ),
    "files.not_utf8": (
        "{path}, byte {byte}: the header is no UTF-8 text: it is damaged.",
        "{path} 第 {byte} 字节：文件头不是 UTF-8 文本，已损坏。",
    ),
    "files.not_json": (
        "{path}: {place} is not valid JSON: {reason}.",
        "{path}：{place}不是有效的 JSON：{reason}。",
    ),
    "files.place.header": ("the header", "文件头"),
    "files.place.metadata": ("the metadata {name}", "元数据 {name} "),
    "files.json.syntax": (
        "the text breaks off or goes wrong at character {position}",
        "文本在第 {position} 个字符处中断或出错",
    ),
    "files.json.twice": ("the name {name} stands there twice", "名称 {name} 出现了两次"),
    "files.json.number": (
        "{number} is not finite, or has more digits than a number here can have",
        "{number} 不是有限的数，或者位数超过了允许的范围",
    ),
    "files.json.surrogate": (
        "it holds half of a character (a lone surrogate)",
        "其中有半个字符（单独的代理项）",
    ),
    "files.json.depth": ("it is nested too deeply", "嵌套得太深"),
    "files.metadata_not_strings": (
        "{path}: the metadata (__metadata__) must be strings by name, but holds {found}.",
        "{path}：元数据（__metadata__）应为由名称到字符串的对象，其中却有 {found}。",
    ),
    # A tensor in the header
    "files.bad_name": (
        "{path}: {name} cannot be the name of a tensor: {reason}.",
        "{path}：{name} 不能作为张量的名称：{reason}。",
    ),
    "files.name.empty": ("it is empty", "名称是空的"),
    "files.name.long": ("it has more than 1000 characters", "名称超过 1000 个字符"),
    "files.name.path": (
        "it is like a path (/, \\, .. or a . or ~ in front)",
        "它像一个路径（含有 /、\\、..，或者以 . 或 ~ 开头）",
    ),
    "files.name.control": (
        "it holds characters that cannot be shown",
        "其中有无法显示的字符",
    ),
    "files.fields": (
        "{path}: the tensor {name} must be described by {expected}, not by {found}.",
        "{path}：张量 {name} 应由 {expected} 来描述，而不是 {found}。",
    ),
    "files.dtype": (
        "{path}: the tensor {name} has the dtype {found}, which the format does not know; it "
        "knows {expected}.",
        "{path}：张量 {name} 的 dtype 是 {found}，该格式中没有；格式中有 {expected}。",
    ),
    "files.shape": (
        "{path}: the tensor {name} has the shape {found}; up to {most} whole numbers, none below "
        "0 and not too large together, were expected.",
        "{path}：张量 {name} 的形状是 {found}；应为最多 {most} 个不小于 0 的整数，"
        "而且乘积不能过大。",
    ),
    "files.offsets": (
        "{path}: the tensor {name} is said to lie at {found}; two whole numbers, the begin and "
        "the end, were expected.",
        "{path}：张量 {name} 的位置是 {found}，应为两个整数，即开始和结束。",
    ),
    "files.length": (
        "{path}: the tensor {name} of dtype {dtype} and shape {shape} takes {expected:,} bytes, "
        "but {found:,} are given to it.",
        "{path}：张量 {name} 的 dtype 为 {dtype}、形状为 {shape}，需要 {expected:,} 字节，"
        "却分到了 {found:,} 字节。",
    ),
    "files.overlap": (
        "{path}: the tensor {name} begins at byte {found:,} of the numbers, within the tensor "
        "before it, which ends at {expected:,}.",
        "{path}：张量 {name} 从数据的第 {found:,} 字节开始，与前一个张量重叠，前一个到第 "
        "{expected:,} 字节才结束。",
    ),
    "files.hole": (
        "{path}: the tensor {name} begins at byte {found:,} of the numbers, but the one before "
        "it ends at {expected:,}: what lies between belongs to no tensor.",
        "{path}：张量 {name} 从数据的第 {found:,} 字节开始，"
        "而前一个到第 {expected:,} 字节就结束了："
        "中间的部分不属于任何张量。",
    ),
    "files.cut": (
        "{path} is cut: its tensors take {expected:,} bytes, but only {found:,} follow the "
        "header. Copy or download it again.",
        "{path} 被截断：其中的张量需要 {expected:,} 字节，文件头之后却只有 {found:,} 字节。"
        "请重新复制或下载。",
    ),
    "files.trailing": (
        "{path}: its tensors take {expected:,} bytes, but {found:,} follow the header: what is "
        "behind them belongs to no tensor.",
        "{path}：其中的张量需要 {expected:,} 字节，文件头之后却有 {found:,} 字节：多余的部分不属于"
        "任何张量。",
    ),
    # The numbers
    "files.unread_dtype": (
        "{path}: the tensor {name} has the dtype {found}, which Lunzi does not have: convert it "
        "to float32 or another of its dtypes ({expected}) first.",
        "{path}：张量 {name} 的 dtype 是 {found}，Lunzi 没有这种类型：请先转换为 float32 或它支持的"
        "其他类型（{expected}）。",
    ),
    "files.bool": (
        "{path}: the tensor {name} is made of truth values, 0 or 1, but holds the byte {found}.",
        "{path}：张量 {name} 由真假值（0 或 1）组成，其中却有字节 {found}。",
    ),
    "files.changed": (
        "{path} changed while it was read: the numbers of the tensor {name} are no longer there.",
        "{path} 在读取过程中发生了变化：张量 {name} 的数值已经不在了。",
    ),
    # The model
    "files.no_architecture": (
        "{path} holds tensors, but does not say of which model: make the model as in the code "
        "that trained it, then lunzi.load(path, into=model).",
        "{path} 里只有张量，没有说明是哪个模型：请用训练它的代码创建模型，然后 "
        "lunzi.load(path, into=model)。",
    ),
    "files.weights_only": (
        "{path} holds the weights of a model, {class_name}, but not its architecture: "
        "{obstacle} cannot be made from a file, which holds no code. Make the model with your "
        "own code, then lunzi.load(path, into=model).",
        "{path} 里有模型 {class_name} 的权重，但没有它的架构：文件中不含代码，无法由它创建 "
        "{obstacle}。请用自己的代码创建模型，然后 lunzi.load(path, into=model)。",
    ),
    "files.newer": (
        "{path} was written by a newer Lunzi (format {version}; this one knows {known}): "
        "install the newer one with pip install --upgrade lunzi.",
        "{path} 是由更新版本的 Lunzi 写的（格式 {version}，当前版本只认识 {known}）：请用 "
        "pip install --upgrade lunzi 升级。",
    ),
    "files.record": (
        "{path}: the metadata {name} does not describe a model as Lunzi does: {found}.",
        "{path}：元数据 {name} 不是 Lunzi 描述模型的形式：{found}。",
    ),
    "files.place.model": ("the model", "模型"),
    "files.place.module": ("the module {name}", "模块 {name} "),
    "files.place.nothing": ("nothing", "没有值"),
    "files.architecture": (
        "{path}: {place} must be described by `class` and `arguments` or `children`, not by "
        "{found}.",
        "{path}：{place}应由 `class` 和 `arguments` 或 `children` 来描述，而不是 {found}。",
    ),
    "files.too_many_modules": (
        "{path}: {place} is one too many: {most:,} modules, up to {depth} within each other, "
        "are the most.",
        "{path}：{place}超出了限制：最多 {most:,} 个模块，嵌套最多 {depth} 层。",
    ),
    "files.unknown_layer": (
        "{path}: {place} is said to be {found}, which is no layer of lunzi.nn here. The file "
        "was written by another version, or is damaged.",
        "{path}：{place}写的是 {found}，当前的 lunzi.nn 里没有这样的层。文件由其他版本写出，"
        "或者已损坏。",
    ),
    "files.child_name": (
        "{path}: {name} cannot be the name of a module in a container.",
        "{path}：{name} 不能作为容器中模块的名称。",
    ),
    "files.argument": (
        "{path}: {place}: {layer} cannot be made with {found} for its argument {name}.",
        "{path}：{place}中的 {layer} 的参数 {name} 不能是 {found}。",
    ),
    "files.too_large": (
        "{path}: {place}: {layer} asks for {asked:,} numbers, and the file has {most:,} for it "
        "at most.",
        "{path}：{place}中的 {layer} 需要 {asked:,} 个数，而文件中最多只有 {most:,} 个。",
    ),
    "files.not_built": (
        "{path}: {place}: {layer} cannot be made: {reason}.",
        "{path}：无法为{place}创建 {layer}：{reason}。",
    ),
    "files.contradiction": (
        "{path} contradicts itself, its tensors are not those of its architecture: {problems}.",
        "{path} 自相矛盾，其中的张量与它的架构不符：{problems}。",
    ),
    "files.tied": (
        "{path}: {names} are said to be one tensor, but cannot be.",
        "{path}：文件声称 {names} 是同一个张量，但这不可能。",
    ),
    "files.frozen": (
        "{path}: {name} is said to be a frozen parameter, but the model has no such parameter.",
        "{path}：文件声称 {name} 是冻结的参数，但模型中没有这个参数。",
    ),
    # A state that does not fit
    "files.misfit": (
        "{path} does not fit the model ({model}): {problems}.",
        "{path} 与模型（{model}）不符：{problems}。",
    ),
    "files.misfit.separator": ("; ", "；"),
    "files.misfit.more": ("and {count} more", "另有 {count} 处"),
    "files.misfit.missing": ("{name} is missing", "缺少 {name}"),
    "files.misfit.unexpected": (
        "{name} is not known to the model",
        "模型中没有 {name}",
    ),
    "files.misfit.shape": (
        "{name} has the shape {found}, the model's {expected}",
        "{name} 的形状是 {found}，模型中是 {expected}",
    ),
    "files.misfit.dtype": (
        "{name} is made of {found}, the model's of {expected}",
        "{name} 的类型是 {found}，模型中是 {expected}",
    ),
    "files.misfit.overflow": (
        "{name} holds {found:g}, which is too large for {dtype}",
        "{name} 中的 {found:g} 超出了 {dtype} 的范围",
    ),
    "files.misfit.tied": (
        "{name} and {other} are one tensor of the model, but differ in the file",
        "{name} 和 {other} 在模型中是同一个张量，在文件中却不同",
    ),
}
