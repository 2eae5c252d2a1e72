import type { Random } from './random';
import { chatText } from './texts';

/** The kinds of message that WeCom archives, and how the archiver describes each in the body of its mail. */
export const wecomKinds: [kind: string, describe: (r: Random) => string][] = [
  ['text', (r) => chatText(r, 'zh')],
  ['image', () => '[图片] 文件大小 215 KB'],
  ['revoke', (r) => `[撤回] 原消息 ${r.int(1e9)}_1603876045_external`],
  ['agree', () => '[同意] 客户同意会话存档'],
  ['disagree', () => '[不同意] 客户不同意会话存档'],
  ['voice', (r) => `[语音] ${1 + r.int(59)} 秒`],
  ['video', (r) => `[视频] ${1 + r.int(59)} 秒`],
  ['card', () => '[名片] 北欧联运（上海）有限公司 王芳'],
  ['location', () => '[位置] 上海市虹桥路1号 (31.1945, 121.3265)，缩放 15'],
  ['emotion', () => '[表情] gif 290 × 290'],
  ['file', () => '[文件] 第四季度报价.xlsx，18 KB'],
  ['link', () => '[链接] 港口公告\nhttps://port.example/notice?id=20261120&lang=zh'],
  ['weapp', () => '[小程序] 物流查询 — 查看运单状态'],
  ['chatrecord', (r) => `[聊天记录] 群聊的聊天记录\n王芳: ${chatText(r, 'zh')}\n李娜: ${chatText(r, 'zh')}`],
  ['todo', () => '[待办] 周五前提交报销单'],
  ['vote', () => '[投票] 年会地点？\n1. 杭州\n2. 苏州\n3. 斯德哥尔摩'],
  ['collect', () => '[填表] 团建报名\n姓名：\n人数：'],
  ['redpacket', () => '[红包] 恭喜发财，大吉大利 🧧 ¥88.00'],
  ['external_redpacket', () => '[互通红包] 合作愉快 ¥20.00'],
  ['meeting', () => '[会议] 周会\n时间：15:00–16:00\n地点：三号会议室'],
  ['docmsg', () => '[在线文档] 交货计划\nhttps://doc.example/s/3xTq'],
  ['markdown', () => '**今日到港** 3 艘\n> 延误 1 艘\n[详情](https://port.example)'],
  ['news', () => '[图文] 集装箱运价指数本周上涨 2.3%'],
  ['calendar', () => '[日程] 客户来访\n开始：09:30\n参与人：张伟、陈静'],
  ['mixed', (r) => `[混合消息]\n${chatText(r, 'zh')}\n[图片]`],
  ['meeting_voice_call', (r) => `[音频存档] 通话 ${60 + r.int(900)} 秒`],
  ['voip_doc_share', () => '[音频共享文档] 采购合同.pdf'],
  ['sphfeed', () => '[视频号] 北欧联运：新航线开通'],
];
