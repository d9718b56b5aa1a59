// Every word of the page, in English and in Chinese. {names} are filled in by language.js.

export const LANGUAGES = { en: 0, zh: 1 };

export const STRINGS = {
  skip: ["Skip to the song", "跳到歌曲"],
  language: ["Language", "语言"],
  progress: ["Progress", "进度"],
  stage: ["Waveform and playback", "波形与播放"],
  drop: ["Drop the song", "松开即可分析"],

  "empty.title": ["Where is the chorus?", "副歌在哪里？"],
  "empty.lead": [
    "Give it a song. Your own server listens, marks the chorus to the second and names the genre.",
    "给它一首歌。您自己的服务器会听完，把副歌标到秒，并说出曲风。",
  ],
  "empty.drop": ["Or drop a file anywhere on this page.", "也可以把文件拖到页面任意处。"],
  choose: ["Choose a song", "选择歌曲"],
  sample: ["Try the sample song", "试试示例歌曲"],
  another: ["Another song", "换一首"],
  chooseOther: ["Choose another song", "选择其他歌曲"],
  retry: ["Try again", "重试"],
  cancel: ["Cancel", "取消"],

  "working.eyebrow": ["Analysing", "正在分析"],
  "working.reading": ["Reading the file …", "正在读取文件……"],
  "working.sending": ["Sending {sent} of {total}", "正在上传 {sent} / {total}"],
  "working.listening": ["Listening for genre and chorus …", "正在听曲风和副歌……"],
  "working.fetching": ["Fetching the sample song …", "正在取示例歌曲……"],

  "result.genre": ["{genre}.", "{genre}"],
  "result.perhaps": ["Perhaps {genre}.", "也许是{genre}"],
  "result.chorus": ["Chorus at {time}.", "副歌在 {time}"],
  "result.noChorus": ["No clear chorus.", "没有明显的副歌"],
  "result.sure": ["{genre} is the likeliest genre, at {confidence}.", "曲风最可能是{genre}（{confidence}）。"],
  "result.unsure": [
    "The genre is a guess: {genre} leads with only {confidence}.",
    "曲风只是推测：{genre}以 {confidence} 领先。",
  ],
  "result.one": ["There is one chorus; it lasts {length}.", "有一段副歌，长 {length}。"],
  "result.many": [
    "There are {count} choruses, the first at {first}; the clearest lasts {length}.",
    "共有 {count} 段副歌，第一段在 {first}；最清楚的一段长 {length}。",
  ],
  "result.likeliest": [
    "No stretch passes for a chorus; the likeliest begins at {time}.",
    "没有哪一段够得上副歌，最接近的一段从 {time} 开始。",
  ],
  "result.clip": [
    "A clip under 15 seconds counts as its own chorus.",
    "不到 15 秒的片段，整段算作副歌。",
  ],
  "result.lead": ["{genre} {chorus}", "{genre}{chorus}"],
  "result.said": ["Analysis finished. {title}", "分析完成。{title}"],

  play: ["Play", "播放"],
  pause: ["Pause", "暂停"],
  loop: ["Loop", "循环"],
  playBest: ["Play the chorus", "播放副歌"],
  keys: [
    "Keys on the waveform: Space, ← →, PgUp PgDn by section, C chorus, L loop",
    "波形上的按键：空格、← →、PgUp PgDn 换段、C 副歌、L 循环",
  ],
  wave: ["Position in the song", "播放位置"],
  "wave.at": ["{time} of {length}, {section}", "{time} / {length}，{section}"],
  best: ["Best chorus", "最佳副歌"],
  likeliest: ["Likeliest", "最接近"],
  reopen: ["Open the file to listen", "打开文件试听"],
  "silent.format": [
    "This browser cannot play this format, so there is no waveform. The server could read it: its results are below.",
    "此浏览器无法播放这种格式，因此没有波形；服务器可以读取，结果如下。",
  ],
  "silent.recent": [
    "Audio is not kept in this browser. Open the file again to hear it.",
    "浏览器不保存音频。要试听，请再次打开文件。",
  ],
  "silent.other": [
    "That is another file: its name or size differs.",
    "这不是同一个文件：名称或大小不同。",
  ],

  "sections.title": ["Sections", "段落"],
  "section.chorus": ["Chorus {number}", "副歌 {number}"],
  "section.part": ["Part {number}", "第 {number} 段"],
  "section.best": ["best", "最佳"],
  "section.label": [
    "Play {name}, {start} to {end}, {chance} likely to be a chorus",
    "播放{name}，{start} 至 {end}，是副歌的可能性 {chance}",
  ],
  "section.chance": ["chorus {chance}", "副歌 {chance}"],

  "genre.title": ["Genre", "曲风"],
  "mel.title": ["Spectrum", "频谱"],
  "mel.label": ["Mel spectrum of the song, up to 8 kilohertz", "歌曲的梅尔频谱，至 8 千赫"],
  "mel.caption": [
    "128 mel bands up to 8 kHz, loudness in decibels: the kind of picture the genre network looks at. Drawn in this browser.",
    "128 个梅尔频带，至 8 kHz，以分贝表示响度：曲风网络看到的就是这样的图。由此浏览器绘制。",
  ],
  "answer.title": ["For your program", "供程序使用"],
  "answer.genre": ["Genre, JSON", "曲风 JSON"],
  "answer.chorus": ["Chorus, JSON", "副歌 JSON"],
  "answer.curl": ["The same with curl", "用 curl 请求"],
  copy: ["Copy", "复制"],
  "copy.label": ["Copy: {what}", "复制：{what}"],
  copied: ["Copied", "已复制"],
  "copy.failed": ["Select the text instead", "请选中文本"],

  "recent.title": ["Recent songs", "最近的歌曲"],
  "recent.forget": ["Clear the list", "清空列表"],
  "recent.forgotten": ["The list is empty.", "列表已清空。"],
  "recent.open": ["Show {name}", "查看 {name}"],
  "recent.chorus": ["chorus {time}", "副歌 {time}"],
  "recent.caption": ["Kept in this browser, without the audio.", "只保存在此浏览器中，不含音频。"],

  limits: [
    "WAV, FLAC, Ogg, Opus, MP3, AAC or M4A, up to {size} and 10 minutes.",
    "支持 WAV、FLAC、Ogg、Opus、MP3、AAC、M4A，最大 {size}，最长 10 分钟。",
  ],
  "footer.scope": [
    "Made for pop with verses and choruses; expect little of it for jazz, classical and much of the world’s music.",
    "适合有主歌和副歌的流行音乐；对爵士、古典和许多世界音乐的副歌不必期望过高。",
  ],

  "key.button": ["API key", "API 密钥"],
  "key.title": ["This server asks for a key", "此服务器需要密钥"],
  "key.words": [
    "Enter the API key that its owner gave you. It is kept until this tab is closed.",
    "请输入服务器管理员给您的 API 密钥。它只保留到关闭此标签页为止。",
  ],
  "key.label": ["API key", "API 密钥"],
  "key.use": ["Use this key", "使用此密钥"],
  "key.wrong": ["The server does not know this key. Check it, or ask for a new one.", "服务器不认识这个密钥。请检查，或申请新的密钥。"],
  "key.dead": ["The server does not answer. Check that it is running, then try again.", "服务器没有回应。请确认它在运行，然后重试。"],

  "error.said": ["The server said: {words}", "服务器答复：{words}"],
  "error.several": ["Several files were dropped; the first is analysed.", "拖入了多个文件，只分析第一个。"],
};

// A title and what to change, by what went wrong: a name of the page's own, or a code of the server.
export const FAILURES = {
  unreachable: [
    ["The server is silent.", "It does not answer. Check that it is running and that you are connected, then try again: your song is still here."],
    ["服务器没有回应。", "请确认服务器在运行、网络已连接，然后重试；您的歌曲还在。"],
  ],
  unreadable: [
    ["The file cannot be opened.", "Your browser could not read it. If it was moved or changed, choose it again."],
    ["无法打开文件。", "浏览器读不了它。如果文件被移动或修改过，请重新选择。"],
  ],
  tooLarge: [
    ["The file is too large.", "This server takes up to {size}. Choose a shorter song, or save it as MP3 or FLAC."],
    ["文件太大。", "此服务器最大接受 {size}。请选短一些的歌曲，或另存为 MP3、FLAC。"],
  ],
  key: [
    ["A key is needed.", "This server only answers who has an API key. Try again to enter one."],
    ["需要密钥。", "此服务器只回答持有 API 密钥的人。点“重试”输入密钥。"],
  ],
  40000011: [
    ["There is no sound in it.", "The file holds no audio. Choose one that plays."],
    ["里面没有声音。", "文件不含音频，请选择能播放的文件。"],
  ],
  40000012: [
    ["This is not a song we can read.", "The file is damaged, or something other than audio. Choose WAV, FLAC, Ogg, Opus, MP3, AAC or M4A."],
    ["读不出这首歌。", "文件已损坏，或不是音频。请选择 WAV、FLAC、Ogg、Opus、MP3、AAC 或 M4A。"],
  ],
  40000013: [
    ["The song is too long.", "Up to 10 minutes are analysed. Cut it, then choose it again."],
    ["歌曲太长。", "最长分析 10 分钟。请剪短后重新选择。"],
  ],
  40000016: [
    ["The file is too large.", "Choose a shorter song, or save it as MP3 or FLAC."],
    ["文件太大。", "请选短一些的歌曲，或另存为 MP3、FLAC。"],
  ],
  40200001: [
    ["The key was refused.", "The server does not know this API key. Try again to enter another."],
    ["密钥被拒绝。", "服务器不认识这个 API 密钥。点“重试”输入其他密钥。"],
  ],
  40200014: [
    ["The key does not cover this.", "Ask the server’s owner to grant your key genre or chorus."],
    ["密钥没有此权限。", "请让服务器管理员为密钥开通曲风或副歌。"],
  ],
  42900000: [
    ["The server is full.", "Too many songs at once. Wait {wait}, then try again."],
    ["服务器正忙。", "同时分析的歌曲太多。请等 {wait} 后重试。"],
  ],
  50000003: [
    ["The server is not ready.", "Its analysis is starting or overloaded. Wait {wait}, then try again."],
    ["服务器还没准备好。", "分析服务正在启动或过载。请等 {wait} 后重试。"],
  ],
  50000004: [
    ["It took too long.", "The server gave up on this song. Try again when it has less to do."],
    ["用时太久。", "服务器放弃了这首歌。请在它空闲时重试。"],
  ],
  other: [
    ["Something went wrong.", "The server could not answer. Try again; if it stays so, tell its owner what it said."],
    ["出错了。", "服务器无法作答。请重试；若仍如此，请把下面的话告诉管理员。"],
  ],
};

export const GENRES = {
  Blues: "蓝调", Classical: "古典", Country: "乡村", Disco: "迪斯科", Electronic: "电子",
  Folk: "民谣", "Hip-Hop": "嘻哈", Jazz: "爵士", Latin: "拉丁", Metal: "金属", Pop: "流行",
  "R&B": "节奏布鲁斯", Rap: "说唱", Reggae: "雷鬼", Rock: "摇滚", World: "世界音乐",
};
