import { languages, type Language } from '../languages';

/** Every phrase that this app writes into an item. Content of the source is never translated. */

/** A phrase with places `{name}`; one form for each plural category that the language has, chosen by `{count}`. */
type Text = string | Partial<Record<Intl.LDMLPluralRule, string>>;

/** One row per phrase, one entry per language: whole phrases, because halves do not fit together everywhere. */
export const phrases = {
  unknown: { en: 'Unknown', ko: '알 수 없음', 'zh-CN': '未知', sv: 'Okänd', fr: 'Inconnu' },
  andMore: {
    en: '{names} and {count} more',
    ko: '{names} 외 {count}명',
    'zh-CN': '{names} 等另外 {count} 人',
    sv: { one: '{names} och {count} till', other: '{names} och {count} till' },
    fr: { one: '{names} et {count} autre', other: '{names} et {count} autres' },
  },

  // Subjects.
  message: {
    en: '{network} message from {from} to {to}',
    ko: '{from}에서 {to}(으)로 보낸 {network} 메시지',
    'zh-CN': '{network} 消息：{from} 发给 {to}',
    sv: '{network}-meddelande från {from} till {to}',
    fr: 'Message {network} de {from} à {to}',
  },
  groupMessage: {
    en: '{network} message from {from} to chat group {group}',
    ko: '{from}에서 그룹 채팅 {group}(으)로 보낸 {network} 메시지',
    'zh-CN': '{network} 消息：{from} 发到群聊 {group}',
    sv: '{network}-meddelande från {from} till chattgruppen {group}',
    fr: 'Message {network} de {from} au groupe de discussion {group}',
  },
  namelessGroupMessage: {
    en: '{network} message from {from} to a chat group without a name',
    ko: '{from}에서 이름 없는 그룹 채팅으로 보낸 {network} 메시지',
    'zh-CN': '{network} 消息：{from} 发到未命名的群聊',
    sv: '{network}-meddelande från {from} till en chattgrupp utan namn',
    fr: 'Message {network} de {from} à un groupe de discussion sans nom',
  },
  voiceCall: {
    en: '{network} voice call from {from} to {to}',
    ko: '{from}에서 {to}(으)로 건 {network} 음성 통화',
    'zh-CN': '{network} 语音通话：{from} 呼叫 {to}',
    sv: '{network}-röstsamtal från {from} till {to}',
    fr: 'Appel vocal {network} de {from} à {to}',
  },
  videoCall: {
    en: '{network} video call from {from} to {to}',
    ko: '{from}에서 {to}(으)로 건 {network} 영상 통화',
    'zh-CN': '{network} 视频通话：{from} 呼叫 {to}',
    sv: '{network}-videosamtal från {from} till {to}',
    fr: 'Appel vidéo {network} de {from} à {to}',
  },
  call: {
    en: '{network} call from {from} to {to}',
    ko: '{from}에서 {to}(으)로 건 {network} 통화',
    'zh-CN': '{network} 通话：{from} 呼叫 {to}',
    sv: '{network}-samtal från {from} till {to}',
    fr: 'Appel {network} de {from} à {to}',
  },
  unansweredVoiceCall: {
    en: '{network} unanswered voice call from {from} to {to}',
    ko: '{from}에서 {to}(으)로 건 응답 없는 {network} 음성 통화',
    'zh-CN': '{network} 未接语音通话：{from} 呼叫 {to}',
    sv: 'Obesvarat {network}-röstsamtal från {from} till {to}',
    fr: 'Appel vocal {network} sans réponse de {from} à {to}',
  },
  unansweredVideoCall: {
    en: '{network} unanswered video call from {from} to {to}',
    ko: '{from}에서 {to}(으)로 건 응답 없는 {network} 영상 통화',
    'zh-CN': '{network} 未接视频通话：{from} 呼叫 {to}',
    sv: 'Obesvarat {network}-videosamtal från {from} till {to}',
    fr: 'Appel vidéo {network} sans réponse de {from} à {to}',
  },
  unansweredCall: {
    en: '{network} unanswered call from {from} to {to}',
    ko: '{from}에서 {to}(으)로 건 응답 없는 {network} 통화',
    'zh-CN': '{network} 未接通话：{from} 呼叫 {to}',
    sv: 'Obesvarat {network}-samtal från {from} till {to}',
    fr: 'Appel {network} sans réponse de {from} à {to}',
  },
  chatGroup: {
    en: 'chat group {group}',
    ko: '그룹 채팅 {group}',
    'zh-CN': '群聊 {group}',
    sv: 'chattgruppen {group}',
    fr: 'groupe de discussion {group}',
  },
  recalled: {
    en: 'RECALLED {subject}',
    ko: '[회수됨] {subject}',
    'zh-CN': '【已撤回】{subject}',
    sv: '[ÅTERKALLAT] {subject}',
    fr: '[RAPPELÉ] {subject}',
  },
  deletedForMe: {
    en: 'DELETED For Me {subject}',
    ko: '[나에게서 삭제됨] {subject}',
    'zh-CN': '【仅为自己删除】{subject}',
    sv: '[RADERAT för mig] {subject}',
    fr: '[SUPPRIMÉ pour moi] {subject}',
  },
  deletedForAll: {
    en: 'DELETED For All {subject}',
    ko: '[모두에게서 삭제됨] {subject}',
    'zh-CN': '【为所有人删除】{subject}',
    sv: '[RADERAT för alla] {subject}',
    fr: '[SUPPRIMÉ pour tous] {subject}',
  },
  deleted: {
    en: 'DELETED {subject}',
    ko: '[삭제됨] {subject}',
    'zh-CN': '【已删除】{subject}',
    sv: '[RADERAT] {subject}',
    fr: '[SUPPRIMÉ] {subject}',
  },
  edited: {
    en: 'EDIT {subject}',
    ko: '[수정됨] {subject}',
    'zh-CN': '【已编辑】{subject}',
    sv: '[REDIGERAT] {subject}',
    fr: '[MODIFIÉ] {subject}',
  },

  // The first line of an item without text.
  voiceCallLine: {
    en: 'Voice call',
    ko: '음성 통화',
    'zh-CN': '语音通话',
    sv: 'Röstsamtal',
    fr: 'Appel vocal',
  },
  videoCallLine: {
    en: 'Video call',
    ko: '영상 통화',
    'zh-CN': '视频通话',
    sv: 'Videosamtal',
    fr: 'Appel vidéo',
  },
  callLine: { en: 'Call', ko: '통화', 'zh-CN': '通话', sv: 'Samtal', fr: 'Appel' },
  withStatus: {
    en: '{what}, {status}',
    ko: '{what}, {status}',
    'zh-CN': '{what}，{status}',
    sv: '{what}, {status}',
    fr: '{what}, {status}',
  },
  answered: { en: 'answered', ko: '응답함', 'zh-CN': '已接听', sv: 'besvarat', fr: 'pris' },
  unanswered: { en: 'not answered', ko: '응답 없음', 'zh-CN': '未接听', sv: 'obesvarat', fr: 'sans réponse' },
  missed: { en: 'missed', ko: '부재중', 'zh-CN': '未接', sv: 'missat', fr: 'manqué' },
  rejected: { en: 'rejected', ko: '거절됨', 'zh-CN': '已拒绝', sv: 'avvisat', fr: 'refusé' },
  busy: { en: 'busy', ko: '통화 중', 'zh-CN': '忙线', sv: 'upptaget', fr: 'occupé' },
  picture: {
    en: 'Picture: {names}',
    ko: '사진: {names}',
    'zh-CN': '图片：{names}',
    sv: 'Bild: {names}',
    fr: 'Image : {names}',
  },
  audio: {
    en: 'Sound recording: {names}',
    ko: '음성 파일: {names}',
    'zh-CN': '语音：{names}',
    sv: 'Ljudinspelning: {names}',
    fr: 'Enregistrement audio : {names}',
  },
  video: {
    en: 'Video: {names}',
    ko: '동영상: {names}',
    'zh-CN': '视频：{names}',
    sv: 'Video: {names}',
    fr: 'Vidéo : {names}',
  },
  files: {
    en: { one: 'File: {names}', other: '{count} files: {names}' },
    ko: '파일 {count}개: {names}',
    'zh-CN': '{count} 个文件：{names}',
    sv: { one: 'Fil: {names}', other: '{count} filer: {names}' },
    fr: { one: 'Fichier : {names}', other: '{count} fichiers : {names}' },
  },
  noText: {
    en: 'Message without text',
    ko: '텍스트 없는 메시지',
    'zh-CN': '无文字的消息',
    sv: 'Meddelande utan text',
    fr: 'Message sans texte',
  },

  // The block below the text.
  separator: {
    en: '——— {network} ———',
    ko: '——— {network} ———',
    'zh-CN': '——— {network} ———',
    sv: '——— {network} ———',
    fr: '——— {network} ———',
  },
  recalledLine: {
    en: 'Recalled by the sender.',
    ko: '보낸 사람이 회수했습니다.',
    'zh-CN': '发送者已撤回。',
    sv: 'Återkallat av avsändaren.',
    fr: 'Rappelé par l’expéditeur.',
  },
  deletedForMeLine: {
    en: 'Deleted for the archived person alone.',
    ko: '보관 대상자 본인에게서만 삭제되었습니다.',
    'zh-CN': '仅为被存档者本人删除。',
    sv: 'Raderat för den arkiverade personen ensam.',
    fr: 'Supprimé pour la seule personne archivée.',
  },
  deletedForAllLine: {
    en: 'Deleted for everyone.',
    ko: '모두에게서 삭제되었습니다.',
    'zh-CN': '已为所有人删除。',
    sv: 'Raderat för alla.',
    fr: 'Supprimé pour tous.',
  },
  deletedLine: {
    en: 'Deleted.',
    ko: '삭제되었습니다.',
    'zh-CN': '已删除。',
    sv: 'Raderat.',
    fr: 'Supprimé.',
  },
  editedLine: { en: 'Edited.', ko: '수정되었습니다.', 'zh-CN': '已编辑。', sv: 'Redigerat.', fr: 'Modifié.' },
  originalId: {
    en: 'Id of the original message: {id}',
    ko: '원본 메시지 ID: {id}',
    'zh-CN': '原消息 ID：{id}',
    sv: 'Det ursprungliga meddelandets id: {id}',
    fr: 'Identifiant du message d’origine : {id}',
  },
  read: {
    en: 'The original message had been read.',
    ko: '원본 메시지는 읽은 상태였습니다.',
    'zh-CN': '原消息已被阅读。',
    sv: 'Det ursprungliga meddelandet hade lästs.',
    fr: 'Le message d’origine avait été lu.',
  },
  unread: {
    en: 'The original message had not been read.',
    ko: '원본 메시지는 읽지 않은 상태였습니다.',
    'zh-CN': '原消息未被阅读。',
    sv: 'Det ursprungliga meddelandet hade inte lästs.',
    fr: 'Le message d’origine n’avait pas été lu.',
  },
  readUnknown: {
    en: 'Whether the original message had been read is unknown.',
    ko: '원본 메시지를 읽었는지 알 수 없습니다.',
    'zh-CN': '不清楚原消息是否已被阅读。',
    sv: 'Det är okänt om det ursprungliga meddelandet hade lästs.',
    fr: 'On ignore si le message d’origine avait été lu.',
  },
  capturedSent: {
    en: 'Captured from: {name}; sent by them',
    ko: '수집 대상: {name}, 본인이 보냄',
    'zh-CN': '采集自：{name}，由其发出',
    sv: 'Insamlat hos: {name}, som avsändare',
    fr: 'Capturé chez : {name}, en tant qu’expéditeur',
  },
  capturedReceived: {
    en: 'Captured from: {name}; received by them',
    ko: '수집 대상: {name}, 본인이 받음',
    'zh-CN': '采集自：{name}，由其收到',
    sv: 'Insamlat hos: {name}, som mottagare',
    fr: 'Capturé chez : {name}, en tant que destinataire',
  },
  group: {
    en: {
      one: 'Chat group: {name} ({count} participant named)',
      other: 'Chat group: {name} ({count} participants named)',
    },
    ko: '그룹 채팅: {name} (참가자 {count}명 표시됨)',
    'zh-CN': '群聊：{name}（列出 {count} 位成员）',
    sv: {
      one: 'Chattgrupp: {name} ({count} namngiven deltagare)',
      other: 'Chattgrupp: {name} ({count} namngivna deltagare)',
    },
    fr: {
      one: 'Groupe de discussion : {name} ({count} participant nommé)',
      other: 'Groupe de discussion : {name} ({count} participants nommés)',
    },
  },
  namelessGroup: {
    en: {
      one: 'Chat group without a name ({count} participant named)',
      other: 'Chat group without a name ({count} participants named)',
    },
    ko: '이름 없는 그룹 채팅 (참가자 {count}명 표시됨)',
    'zh-CN': '未命名的群聊（列出 {count} 位成员）',
    sv: {
      one: 'Chattgrupp utan namn ({count} namngiven deltagare)',
      other: 'Chattgrupp utan namn ({count} namngivna deltagare)',
    },
    fr: {
      one: 'Groupe de discussion sans nom ({count} participant nommé)',
      other: 'Groupe de discussion sans nom ({count} participants nommés)',
    },
  },
  kind: {
    en: 'Kind: {kind}',
    ko: '종류: {kind}',
    'zh-CN': '类型：{kind}',
    sv: 'Typ: {kind}',
    fr: 'Type : {kind}',
  },
  status: {
    en: 'Status: {status}',
    ko: '상태: {status}',
    'zh-CN': '状态：{status}',
    sv: 'Status: {status}',
    fr: 'État : {status}',
  },
  callParty: {
    en: 'Called: {name}',
    ko: '수신자: {name}',
    'zh-CN': '被叫方：{name}',
    sv: 'Uppringd: {name}',
    fr: 'Personne appelée : {name}',
  },
  callTimes: {
    en: 'From {start} to {end}, duration {duration}',
    ko: '{start}부터 {end}까지, 통화 시간 {duration}',
    'zh-CN': '{start} 至 {end}，时长 {duration}',
    sv: 'Från {start} till {end}, längd {duration}',
    fr: 'De {start} à {end}, durée {duration}',
  },
  callStart: {
    en: 'Call start: {time}',
    ko: '통화 시작: {time}',
    'zh-CN': '通话开始：{time}',
    sv: 'Samtalet började: {time}',
    fr: 'Début de l’appel : {time}',
  },
  callEnd: {
    en: 'Call end: {time}',
    ko: '통화 종료: {time}',
    'zh-CN': '通话结束：{time}',
    sv: 'Samtalet slutade: {time}',
    fr: 'Fin de l’appel : {time}',
  },
  allSenders: {
    en: 'All senders: {names}',
    ko: '모든 보낸 사람: {names}',
    'zh-CN': '全部发送者：{names}',
    sv: 'Alla avsändare: {names}',
    fr: 'Tous les expéditeurs : {names}',
  },
  notSupplied: {
    en: 'File {name}: not supplied by the source',
    ko: '파일 {name}: 원본에서 제공되지 않음',
    'zh-CN': '文件 {name}：来源未提供',
    sv: 'Filen {name}: levererades inte av källan',
    fr: 'Fichier {name} : non fourni par la source',
  },
  decrypted: {
    en: 'Encrypted by the source, opened with the key {key}',
    ko: '원본에서 암호화되었으며 키 {key}(으)로 해독됨',
    'zh-CN': '来源已加密，使用密钥 {key} 解密',
    sv: 'Krypterat av källan, öppnat med nyckeln {key}',
    fr: 'Chiffré par la source, ouvert avec la clé {key}',
  },
  fullSubject: {
    en: 'Full subject: {subject}',
    ko: '전체 제목: {subject}',
    'zh-CN': '完整主题：{subject}',
    sv: 'Hela ämnesraden: {subject}',
    fr: 'Objet complet : {subject}',
  },
  sentMissing: {
    en: 'Sent time: missing; the arrival time stands in for it',
    ko: '보낸 시각: 없음. 도착 시각으로 대신함',
    'zh-CN': '发送时间：缺失，以到达时间代替',
    sv: 'Sändningstid: saknas; ankomsttiden står i dess ställe',
    fr: 'Heure d’envoi : absente ; remplacée par l’heure d’arrivée',
  },
  sentImpossible: {
    en: 'Sent time: cannot be right (as written: {written}); the arrival time stands in for it',
    ko: '보낸 시각: 맞을 수 없음(원문: {written}). 도착 시각으로 대신함',
    'zh-CN': '发送时间：不可能正确（原文：{written}），以到达时间代替',
    sv: 'Sändningstid: kan inte stämma (enligt källan: {written}); ankomsttiden står i dess ställe',
    fr: 'Heure d’envoi : impossible (telle qu’écrite : {written}) ; remplacée par l’heure d’arrivée',
  },
  refused: {
    en: 'Not archived, this mailbox has no way to take it: file {name}, {size} bytes, SHA-256 {sha256}',
    ko: '보관되지 않음, 이 사서함이 받을 수 없음: 파일 {name}, {size}바이트, SHA-256 {sha256}',
    'zh-CN': '未存档，此邮箱无法接收：文件 {name}，{size} 字节，SHA-256 {sha256}',
    sv: 'Inte arkiverat, postlådan kan inte ta emot det: filen {name}, {size} byte, SHA-256 {sha256}',
    fr: 'Non archivé, cette boîte aux lettres ne peut pas le recevoir : fichier {name}, {size} octets, SHA-256 {sha256}',
  },
  dropped: {
    en: 'Not archived, larger than the size limit: file {name}, {size} bytes, SHA-256 {sha256}',
    ko: '보관되지 않음, 크기 제한 초과: 파일 {name}, {size}바이트, SHA-256 {sha256}',
    'zh-CN': '未存档，超过大小限制：文件 {name}，{size} 字节，SHA-256 {sha256}',
    sv: 'Inte arkiverat, större än storleksgränsen: filen {name}, {size} byte, SHA-256 {sha256}',
    fr: 'Non archivé, dépasse la taille limite : fichier {name}, {size} octets, SHA-256 {sha256}',
  },
  furtherRecipients: {
    en: 'Further recipients ({count}): {names}',
    ko: '추가 받는 사람({count}명): {names}',
    'zh-CN': '其他收件人（{count}）：{names}',
    sv: 'Ytterligare mottagare ({count}): {names}',
    fr: 'Autres destinataires ({count}) : {names}',
  },
  furtherParticipants: {
    en: "Further participants, from User's Email address ({count}): {names}",
    ko: '추가 참가자, User’s Email address 속성 기준({count}명): {names}',
    'zh-CN': '其他参与者，来自 User’s Email address（{count}）：{names}',
    sv: 'Ytterligare deltagare, ur User’s Email address ({count}): {names}',
    fr: 'Autres participants, d’après User’s Email address ({count}) : {names}',
  },
  longBody: {
    en: 'The text is too long for a message body; it stands whole in the attached file {name}',
    ko: '텍스트가 메시지 본문에 너무 깁니다. 전체 내용은 첨부 파일 {name}에 있습니다',
    'zh-CN': '文字过长，无法放入邮件正文；完整内容见附件 {name}',
    sv: 'Texten är för lång för meddelandets brödtext; den finns i sin helhet i den bifogade filen {name}',
    fr: 'Le texte est trop long pour le corps du message ; il figure en entier dans le fichier joint {name}',
  },
  cut: {
    en: '[cut here]',
    ko: '[여기서 잘림]',
    'zh-CN': '[在此截断]',
    sv: '[avbrutet här]',
    fr: '[coupé ici]',
  },
  provenance: {
    en:
      'Archived from {source} by connector {connector}: batch {batch}, position {position}, source id {sourceId}, ' +
      'item key {itemKey}, SHA-256 of the raw item {sha256}',
    ko:
      '{source}에서 커넥터 {connector}(으)로 보관됨: 배치 {batch}, 위치 {position}, 원본 ID {sourceId}, ' +
      '항목 키 {itemKey}, 원시 항목의 SHA-256 {sha256}',
    'zh-CN':
      '由连接器 {connector} 自 {source} 存档：批次 {batch}，位置 {position}，来源 ID {sourceId}，' +
      '项目键 {itemKey}，原始项目的 SHA-256 {sha256}',
    sv:
      'Arkiverat från {source} av anslutningen {connector}: batch {batch}, position {position}, käll-id {sourceId}, ' +
      'objektnyckel {itemKey}, råobjektets SHA-256 {sha256}',
    fr:
      'Archivé depuis {source} par le connecteur {connector} : lot {batch}, position {position}, ' +
      'identifiant source {sourceId}, clé de l’élément {itemKey}, SHA-256 de l’élément brut {sha256}',
  },
} satisfies Record<string, Record<Language, Text>>;

export type Phrase = keyof typeof phrases;
export type Values = Readonly<Record<string, string | number>>;

const rules = new Map(languages.map((language) => [language, new Intl.PluralRules(language)]));

/**
 * The phrase in the language, with its places filled in; `count` chooses the plural form. Braces inside a value are not
 * filled in again.
 */
export function translate(phrase: Phrase, values: Values = {}, language: Language = 'en'): string {
  const text: Text = phrases[phrase][language];
  const category = rules.get(language)!.select(Number(values['count'] ?? 0));
  const form = typeof text === 'string' ? text : (text[category] ?? text.other ?? '');
  return form.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}
