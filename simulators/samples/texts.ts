import type { Language } from './organisation';
import type { Random } from './random';

/** What people of a trading company write to each other. */
const sentences: Record<Language, readonly string[]> = {
  zh: [
    '明天上午十点的会议改到下午三点。',
    '合同第二版已经发给法务了，请确认。',
    '客户要求把交货日期提前一周。',
    '报价单里的汇率需要更新。',
    '好的，收到，谢谢！',
    '船期有变动，预计十二月三日到上海港。',
    '发票号码是多少？财务在催。',
    '我在虹桥机场，两点以后再打给你。',
    '这个价格我们做不了，最低九五折。',
    '请把样品寄到斯德哥尔摩办公室。',
    '周末愉快。',
    '麻烦你把《采购协议》盖章后扫描给我。',
  ],
  zhHant: [
    '會議改到星期四下午三點，請通知大家。',
    '報價單已經寄出，請查收。',
    '貨櫃明天抵達高雄港。',
    '麻煩確認一下發票金額。',
    '好的，謝謝您！',
    '客戶希望下週簽約。',
  ],
  ko: [
    '내일 오전 회의를 오후 세 시로 옮겼습니다.',
    '계약서 수정본 확인 부탁드립니다.',
    '견적서는 오늘 중으로 보내 드리겠습니다.',
    '네, 알겠습니다. 감사합니다.',
    '부산항 도착 일정이 이틀 늦어졌습니다.',
    '지금 이동 중이라 나중에 전화드릴게요.',
    '송장 번호를 알려 주세요.',
    '가격 협의는 김 부장님과 진행해 주세요.',
  ],
  ja: [
    '明日の会議は午後三時に変更です。',
    '見積書を送りました。ご確認ください。',
    '了解しました。',
    'ありがとうございます。',
  ],
  sv: [
    'Mötet är flyttat till klockan tre i morgon.',
    'Kan du skicka över avtalet en gång till?',
    'Fraktsedeln saknar underskrift, så tullen håller lasten.',
    'Jag återkommer när jag har pratat med Åsa på ekonomi.',
    'Hör av dig när båten har lagt till i Göteborg.',
    'Priset går inte att sänka mer, tyvärr.',
    'Tack, det löser sig!',
    'Glöm inte att räkna om i euro före fredag.',
  ],
  fr: [
    'La réunion est décalée à quinze heures demain.',
    'Peux-tu renvoyer le contrat signé avant ce soir ?',
    'Le conteneur est bloqué à la douane du Havre.',
    'Merci, c’est noté.',
    'Le client hésite encore à cause du délai.',
    'Je t’appelle dès que j’ai le numéro de facture.',
    'À bientôt, et bon week-end !',
  ],
  en: [
    'The meeting moved to three tomorrow.',
    'Please send the signed agreement again, the scan cuts off page two.',
    'Customs is holding the container until the packing list is corrected.',
    'Can we keep the price if they take both lots?',
    'Thanks, noted.',
    'I am boarding now, call me after six.',
    "Don't forget the <draft> terms & conditions.",
    'See https://intranet.nordlink.example/offers/4711?lang=en&v=2 for the figures.',
    'Invoice 20-1182 is still open.',
  ],
};

/** Single code points, surrogate pairs, skin tones, flags, key caps, and families joined by U+200D. */
const emoji = ['👍', '🙏', '😂', '✅', '🇸🇪', '🇰🇷', '1️⃣', '👋🏽', '👨‍👩‍👧‍👦', '👩🏽‍💻', '🏳️‍🌈', '❤️‍🔥', '🚢📦', '🧧'];

const isSpaced = (language: Language) => !['zh', 'zhHant', 'ja'].includes(language);

/** One to four sentences, some on lines of their own, some with emoji. */
export function chatText(r: Random, language: Language): string {
  const parts = r.some(sentences[language], 1 + r.int(4));
  const text = parts.join(r.chance(0.3) ? '\n' : isSpaced(language) ? ' ' : '');
  return r.chance(0.25) ? `${text} ${r.pick(emoji)}` : text;
}

/** Three sentences without emoji, for character sets that do not have them. */
export const plainText = (r: Random, language: Language): string =>
  r.some(sentences[language], 3).join('\r\n');

export const groupNames = [
  'Göteborg – 上海 freight',
  '采购小组',
  '부산 물류팀',
  'Deal desk 🚢',
  'Équipe « Le Havre »',
  'Board & "inner circle"',
  '周五晚餐 🍜',
] as const;

export const fileNames = [
  'Quotation 2026-Q4.pdf',
  '采购合同（第二版）.pdf',
  '견적서_최종.pdf',
  'Fraktsedel åäö.pdf',
  'Récapitulatif des livraisons.csv',
  '見積書.txt',
  'Договор поставки.txt',
  'عقد التوريد.txt',
  'packing list, final; v3.csv',
  'O\'Brien "signed".txt',
] as const;
