"""Messages about reading data: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
    # Any file
    "data.missing_file": (
        "{path} does not exist: check the name and the folder.",
        "找不到 {path}：请检查文件名和所在文件夹。",
    ),
    "data.not_a_file": (
        "{path} is a folder; a file is needed here.",
        "{path} 是文件夹，这里需要的是文件。",
    ),
    "data.empty_file": ("{path} is empty.", "文件 {path} 是空的。"),
    # Text
    "data.unknown_encoding": (
        "There is no text encoding named {encoding}; utf-8, gb18030, big5 and latin-1 are some.",
        "没有名为 {encoding} 的文本编码；可用的有 utf-8、gb18030、big5、latin-1 等。",
    ),
    "data.unknown_text": (
        "{path}, line {line}: byte {byte} ({value}) is neither UTF-8 nor GB18030 text. Save the "
        "file as UTF-8, or name its encoding (--encoding), for instance latin-1 or big5.",
        "{path} 第 {line} 行：第 {byte} 字节（{value}）既不是 UTF-8 也不是 GB18030 文本。请把文件"
        "另存为 UTF-8，或用 --encoding 指明编码，例如 latin-1 或 big5。",
    ),
    "data.undecodable": (
        "{path}, line {line}: byte {byte} ({value}) is no {encoding} text: the file is damaged, "
        "or its encoding is another one (--encoding).",
        "{path} 第 {line} 行：第 {byte} 字节（{value}）不是 {encoding} 文本：文件已损坏，或者使用了"
        "别的编码（可用 --encoding 指明）。",
    ),
    "data.not_in_encoding": (
        "{path} is no {encoding} text: {reason}.",
        "{path} 不是 {encoding} 文本：{reason}。",
    ),
    "data.zero_byte": (
        "{path}, line {line}: there is a zero byte, which no text has. This is a binary file, or "
        "text in UTF-16 without its mark (--encoding utf-16-le).",
        "{path} 第 {line} 行：出现了文本中不会有的零字节。这是二进制文件，或者是没有标记的 UTF-16 "
        "文本（--encoding utf-16-le）。",
    ),
    # IDX
    "data.not_idx": (
        "{path} is no IDX file: it begins with {mark}; 00 00, a kind of number (08, 09, 0b ... 0e) "
        "and a count of axes were expected.",
        "{path} 不是 IDX 文件：开头是 {mark}，应为 00 00、数字类型（08、09、0b 至 0e）和维数。",
    ),
    "data.idx_axes": (
        "{path}, byte 3: the header says {axes} axes; 1 to {most} are possible.",
        "{path} 第 3 字节：文件头写的是 {axes} 维，只能是 1 到 {most} 维。",
    ),
    "data.idx_cut_header": (
        "{path} ends at byte {byte}, within the header, which says {axes} axes: the file was cut.",
        "{path} 在第 {byte} 字节处就结束了，而文件头（声称 {axes} 维）还没有完：文件被截断。",
    ),
    "data.idx_no_numbers": (
        "{path}, byte 4: the header says the shape {shape}, which holds no numbers.",
        "{path} 第 4 字节：文件头写的形状是 {shape}，其中没有任何数字。",
    ),
    "data.idx_cut": (
        "{path}: the header says the shape {shape}, which takes {claimed} bytes, but only {found} "
        "follow: the file was cut, or its header is damaged.",
        "{path}：文件头写的形状是 {shape}，需要 {claimed} 字节，后面却只有 {found} 字节："
        "文件被截断，"
        "或者文件头已损坏。",
    ),
    "data.idx_too_long": (
        "{path}, byte {byte}: there is more data than the shape {shape} of the header takes: the "
        "header is damaged.",
        "{path} 第 {byte} 字节：数据比文件头的形状 {shape} 所需的更多：文件头已损坏。",
    ),
    "data.damaged_gzip": (
        "{path} cannot be decompressed, it is damaged or cut: {reason}.",
        "{path} 无法解压，文件已损坏或被截断：{reason}。",
    ),
    # WAV
    "data.not_wav": (
        "{path} is no WAV file: it begins with {mark}; RIFF, a length and WAVE were expected.",
        "{path} 不是 WAV 文件：开头是 {mark}，应为 RIFF、长度和 WAVE。",
    ),
    "data.wav_no_format": (
        "{path}, byte {byte}: the sound begins before its format (`fmt `) is told.",
        "{path} 第 {byte} 字节：还没有说明格式（`fmt `）就开始了声音数据。",
    ),
    "data.wav_no_data": (
        "{path} ends at byte {byte} without any sound (no `data` chunk): the file was cut.",
        "{path} 到第 {byte} 字节结束，没有声音数据（缺少 `data` 块）：文件被截断。",
    ),
    "data.wav_cut": (
        "{path}, byte {byte}: the chunk `{chunk}` is said to have {claimed} bytes, but {found} "
        "follow: the file was cut, or this length is damaged.",
        "{path} 第 {byte} 字节：块 `{chunk}` 声称有 {claimed} 字节，后面却只有 {found} 字节：文件被"
        "截断，或者这个长度已损坏。",
    ),
    "data.wav_damaged": (
        "{path}, byte {byte}: the description of the sound makes no sense ({what}).",
        "{path} 第 {byte} 字节：声音格式的说明不合理（{what}）。",
    ),
    "data.wav_kind": (
        "{path}, byte {byte}: sound of kind {code} with {bits} bits cannot be read; PCM with 8, "
        "16, "
        "24 or 32 bits and floating point with 32 or 64 can. To convert: "
        "ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav",
        "{path} 第 {byte} 字节：无法读取类型为 {code}、{bits} 位的声音；可以读取 8、16、24、32 "
        "位的 "
        "PCM 和 32、64 位的浮点格式。转换方法：ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav",
    ),
    "data.wav_silent": (
        "{path}, byte {byte}: the file holds no samples.",
        "{path} 第 {byte} 字节：文件中没有任何采样。",
    ),
    "data.wav_uneven": (
        "{path}, byte {byte}: {length} bytes of sound are not a multiple of {frame}, the bytes of "
        "one moment: the file was cut.",
        "{path} 第 {byte} 字节：声音数据有 {length} 字节，不是每个采样时刻 {frame} 字节的整数倍："
        "文件"
        "被截断。",
    ),
    "data.wav_not_finite": (
        "{path}, byte {byte}: a sample is infinite or not a number.",
        "{path} 第 {byte} 字节：有采样是无穷大或不是数字。",
    ),
    # Pictures
    "data.not_an_image": (
        "{path} cannot be read as a picture ({kinds} can): it is damaged, cut, or something else "
        "({reason}).",
        "无法把 {path} 读成图片（支持 {kinds}）：文件已损坏、被截断，或者不是图片（{reason}）。",
    ),
    "data.image_too_large": (
        "{path} has {width} x {height} pixels; at most {most:,} are read.",
        "{path} 有 {width} x {height} 个像素，最多只能读取 {most:,} 个。",
    ),
    "data.image_range": (
        "{path} holds grey values from {low} to {high}; 0 to 65535 can be read.",
        "{path} 的灰度值从 {low} 到 {high}，只能读取 0 到 65535。",
    ),
    "data.blank_picture": (
        "{path} shows nothing: the picture is of one even tone. Dark ink on light paper, or the "
        "other way round, is needed.",
        "{path} 上什么也看不出来：整张图片是同一种颜色。需要浅底深色的笔迹，或者深底浅色的笔迹。",
    ),
    "data.missing_folder": (
        "The folder {path} does not exist.",
        "文件夹 {path} 不存在。",
    ),
    "data.no_class_folders": (
        "{path} holds no folders: one folder of pictures for each class is needed, named as the "
        "class.",
        "{path} 里没有子文件夹：每个类别需要一个装图片的文件夹，并以类别命名。",
    ),
    "data.empty_class_folder": (
        "The folder {path} of the class {name} holds no picture that can be read "
        "({unreadable} of its files cannot be).",
        "类别 {name} 的文件夹 {path} 里没有可以读取的图片（有 {unreadable} 个文件无法读取）。",
    ),
    "data.outside_class_folders": (
        "{path} lies beside the folders of the classes, not in one of them.",
        "{path} 和类别文件夹放在一起，而不在其中任何一个里。",
    ),
    # Tables
    "data.csv_broken": (
        '{path}, line {line}: the row that begins here is no CSV ({reason}); a quote " that is '
        "opened must be closed before the next separator.",
        '{path} 第 {line} 行：从这里开始的一行不是 CSV（{reason}）；打开的引号 " 必须在下一个分隔符'
        "之前关闭。",
    ),
    "data.csv_ragged": (
        "{path}, line {line}: the number of cells is {found}, that of columns {expected}.",
        "{path} 第 {line} 行：有 {found} 个单元格，而表格有 {expected} 列。",
    ),
    "data.csv_repeated_name": (
        "{path}, line {line}: columns have the same name: {names}.",
        "{path} 第 {line} 行：有重复的列名：{names}。",
    ),
    "data.csv_no_rows": (
        "{path} has a line of column names, but no rows.",
        "{path} 只有列名，没有数据行。",
    ),
    "data.no_column": (
        "{path} has no column {column}; it has: {names}.",
        "{path} 中没有列 {column}；现有的列：{names}。",
    ),
    "data.no_column_no_header": (
        "{path} has no column {column}; it has: {names}. That looks like data: the first line must "
        "name the columns.",
        "{path} 中没有列 {column}；现有的列：{names}。这看起来像数据：第一行必须是列名。",
    ),
    "data.not_a_number": (
        "{path}, line {line}: the column {column} holds numbers, but here is {cell}. Leave the "
        "cell "
        "empty when the value is not known.",
        "{path} 第 {line} 行：列 {column} 是数字，这里却是 {cell}。不知道数值时请留空。",
    ),
    "data.broken_numbers": (
        "{path}, line {line}: {numbers} of {count} cells of the column {column} are numbers, but "
        "not {cell}. Correct such cells, or leave them empty.",
        "{path} 第 {line} 行：列 {column} 的 {count} 个单元格中有 {numbers} 个是数字，{cell} "
        "却不是。"
        "请改正这样的单元格，或者留空。",
    ),
    "data.ambiguous_numbers": (
        "{path}: numbers of the column {column} such as {cell} can be read in two ways (is the "
        "comma a decimal comma, or between thousands?). Write them with a point, and without "
        "separators.",
        "{path}：列 {column} 中 {cell} 这样的数字有两种读法（逗号是小数点，还是千位分隔符？）。"
        "请用小数"
        "点书写，不要用分隔符。",
    ),
    "data.columns_missing": (
        "{path} lacks columns that were there in training: {names}.",
        "{path} 缺少训练时有的列：{names}。",
    ),
    "data.columns_unseen": (
        "{path} has columns that were not there in training: {names}. Remove them, or train again.",
        "{path} 含有训练时没有的列：{names}。请删去这些列，或者重新训练。",
    ),
    "data.nothing_to_learn": (
        "{path} has no column to learn from. {notes}",
        "{path} 中没有可以用来学习的列。{notes}",
    ),
    # The target of a table
    "data.one_value": (
        "{path}: the column {column} holds the same value, {value}, in every row: there is nothing "
        "to predict.",
        "{path}：列 {column} 的每一行都是同一个值 {value}：没有什么可预测的。",
    ),
    "data.target_missing": (
        "{path}, line {line}: the target {column} has no value here ({count} rows lack it); rows "
        "without it cannot be learned from.",
        "{path} 第 {line} 行：目标列 {column} 在这里没有值（共 {count} 行）；"
        "这样的行无法用来学习。",
    ),
    "data.target_empty": (
        "{path}: no row has a value in the column {column}, which is to be predicted.",
        "{path}：没有一行在目标列 {column} 中有值。",
    ),
    "data.target_unusable": (
        "{path}, line {line}: the target {column} is {cell} here, missing or beyond all measure "
        "of the training rows.",
        "{path} 第 {line} 行：目标列 {column} 在这里是 {cell}，缺失或者与训练数据相差过于悬殊。",
    ),
    "data.words_no_regression": (
        "{path}: the column {column} holds words such as {cell}; regression needs numbers.",
        "{path}：列 {column} 含有 {cell} 这样的文字；回归需要数字。",
    ),
    "data.too_many_classes": (
        "{path}: the column {column} holds {count} different values in {rows} rows; as classes, "
        "each would be seen hardly once. Choose another target, or regression if it is a number.",
        "{path}：列 {column} 的 {rows} 行中有 {count} 个不同的值；作为类别，每一类几乎只出现一次。"
        "请换一个目标列；如果是数字，请用回归。",
    ),
    "data.unknown_class": (
        "{path}, line {line}: {cell} in the column {column} is none of the classes in training.",
        "{path} 第 {line} 行：列 {column} 中的 {cell} 不是训练时的任何一个类别。",
    ),
    "data.words": (
        "classification: {column} holds words, {count} different ones",
        "分类：{column} 是文字，共 {count} 种",
    ),
    "data.two_numbers": (
        "classification: {column} holds only two values, {values}",
        "分类：{column} 只有两个值：{values}",
    ),
    "data.whole_numbers": (
        "classification: {column} holds whole numbers, only {count} different ones",
        "分类：{column} 是整数，只有 {count} 种",
    ),
    "data.numbers": (
        "regression: {column} holds numbers, {count} different ones",
        "回归：{column} 是数字，共 {count} 种",
    ),
    "data.asked_classification": (
        "classification of {column}, as asked",
        "按要求对 {column} 做分类",
    ),
    "data.asked_regression": (
        "regression of {column}, as asked",
        "按要求对 {column} 做回归",
    ),
    # What was made of the columns of a table
    "data.dropped_empty": (
        "{column} is left out: it is empty.",
        "不使用列 {column}：它是空的。",
    ),
    "data.dropped_constant": (
        "{column} is left out: it is the same in every row.",
        "不使用列 {column}：它在每一行都相同。",
    ),
    "data.dropped_identifier": (
        "{column} is left out: it names the rows (nearly every row has another text).",
        "不使用列 {column}：它只是行的标识（几乎每一行的文字都不同）。",
    ),
    "data.dropped_row_number": (
        "{column} is left out: it counts the rows.",
        "不使用列 {column}：它只是行号。",
    ),
    "data.dropped_date": (
        "{column} is left out: dates are not turned into numbers. Give what matters in columns of "
        "its own: year, month, day of the week.",
        "不使用列 {column}：日期不会被转换成数字。请把有用的部分单独成列：年、月、星期。",
    ),
    "data.note_dates": (
        "{column} holds dates: each is taken as a word of its own.",
        "{column} 是日期：每个日期都被当作一个单独的词。",
    ),
    "data.note_mixed": (
        "{column} is taken as words, since it holds not only numbers but also {cell}.",
        "{column} 被当作文字，因为其中除了数字还有 {cell}。",
    ),
    "data.note_ambiguous": (
        "{column} is taken as words, since numbers such as {cell} can be read in two ways.",
        "{column} 被当作文字，因为 {cell} 这样的数字有两种读法。",
    ),
    "data.note_other": (
        "{column} holds {count} different words: the {most} most frequent count, the rest is one.",
        "{column} 有 {count} 种文字：只区分最常见的 {most} 种，其余合为一种。",
    ),
    "data.note_groups": (
        "{column}: the comma in {cell} is read as a separator of thousands.",
        "{column}：{cell} 中的逗号被读作千位分隔符。",
    ),
    "data.note_decimal_comma": (
        "{column}: the comma in {cell} is read as a decimal comma.",
        "{column}：{cell} 中的逗号被读作小数点。",
    ),
    "data.note_infinite": (
        "{column}: infinite numbers ({count}) count as missing.",
        "{column}：无穷大的数（{count} 个）被当作缺失值。",
    ),
    # Preprocessing stored as JSON
    "data.json_missing": ("{where}: the field {name} is missing.", "{where}：缺少字段 {name}。"),
    "data.json_unknown": (
        "{where}: the field {name} is not known.",
        "{where}：不认识的字段 {name}。",
    ),
    "data.json_wrong": (
        "{where} must be {expected}, got {got}.",
        "{where} 应为 {expected}，实际是 {got}。",
    ),
    "data.json_lengths": (
        "{where}: its parts do not fit together (a name twice, or a list of another length).",
        "{where}：各部分对不上（名称重复，或列表长度不符）。",
    ),
}
