/** The columns of a mapping file, by the names that people give them. */

export type Field = 'number' | 'address' | 'from' | 'until';

/** How a template names the column; stands in error texts. */
export const columnNames: Record<Field, string> = {
  number: 'Mobile number',
  address: 'Email address',
  from: 'Valid from',
  until: 'Valid to',
};

/**
 * Names per field, best first: where a file has both (an export of the directory has `mobilePhone` and
 * `telephoneNumber`, `userPrincipalName` and `mail`), the better one is used. Written as people write them, in
 * the languages of the product; case, accents, blanks, hyphens and underscores are compared away.
 */
const names: Record<Field, readonly (readonly string[])[]> = {
  number: [
    [
      ...[
        'Mobile number',
        'Mobile',
        'Mobile phone',
        'Mobile phone number',
        'Mobile no',
        'Cell',
        'Cell phone',
      ],
      ...['Cell number', 'Cell phone number', 'MSISDN', "User's mobile number", 'User mobile number'],
      ...['WhatsApp number', 'WhatsApp', 'WeChat number', 'WhatsApp phone number', 'WeChat phone number'],
      ...[
        '휴대폰',
        '휴대폰 번호',
        '휴대전화',
        '휴대전화 번호',
        '핸드폰',
        '핸드폰 번호',
        '모바일',
        '모바일 번호',
      ],
      ...['모바일 전화', '모바일 전화번호', '사용자 휴대폰 번호'],
      ...['手机', '手机号', '手机号码', '移动电话', '移动电话号码', '移动号码', '用户手机号码', '用户手机号'],
      ...['Mobilnummer', 'Mobil', 'Mobiltelefon', 'Mobiltelefonnummer', 'Mobilnr', 'Användarens mobilnummer'],
      ...['Numéro de mobile', 'Numéro mobile', 'Numéro de portable', 'Portable', 'Téléphone portable'],
      ...['Téléphone mobile', 'Numéro de téléphone mobile', 'Numéro de téléphone portable', 'N° de mobile'],
      ...['N° mobile', 'N° de portable', 'N° portable', 'Numéro de mobile de l’utilisateur'],
    ],
    [
      ...['Phone', 'Phone number', 'Phone no', 'Telephone', 'Telephone number', 'Tel', 'Tel no', 'Number'],
      ...['전화', '전화번호', '연락처', '번호', '电话', '电话号码', '号码', '联系电话'],
      ...['Telefon', 'Telefonnummer', 'Telefonnr', 'Nummer', 'Téléphone', 'Numéro de téléphone', 'Numéro'],
      ...['N° de téléphone', 'N° téléphone', 'Tél'],
    ],
  ],
  address: [
    [
      ...['Mailbox', 'Mailbox address', 'Microsoft 365 mailbox', 'Microsoft 365 mailbox address'],
      ...['Microsoft 365 mailbox email address', 'Office 365 mailbox', 'Office 365 mailbox address'],
      ...[
        'Microsoft 365 address',
        'Microsoft 365 email address',
        'Microsoft 365 email',
        'Microsoft 365 user',
      ],
      ...[
        'Corresponding Microsoft 365 mailbox address',
        'M365 mailbox',
        'M365 email',
        'M365 user',
        'O365 email',
      ],
      ...['사서함', '사서함 주소', '메일함', 'Microsoft 365 사서함', 'Microsoft 365 사서함 주소'],
      ...['邮箱', '邮箱地址', 'Microsoft 365 邮箱', 'Microsoft 365 邮箱地址'],
      ...['Postlåda', 'Postlådeadress', 'Brevlåda', 'Microsoft 365-postlåda', 'Microsoft 365-postlådeadress'],
      ...[
        'Boîte aux lettres',
        'Adresse de boîte aux lettres',
        'Adresse de la boîte aux lettres',
        'Boîte mail',
      ],
      ...['Boîte aux lettres Microsoft 365', 'Adresse de boîte aux lettres Microsoft 365'],
    ],
    [
      ...[
        'UPN',
        'User principal name',
        'Principal name',
        '사용자 계정 이름',
        '사용자 이름 UPN',
        '用户主体名称',
      ],
      ...[
        '用户主体名',
        'Användarens huvudnamn',
        'Nom d’utilisateur principal',
        'Nom principal d’utilisateur',
      ],
      ...['Nom d’utilisateur principal (UPN)', 'Nom principal'],
    ],
    [
      ...['Email', 'Email address', 'Mail', 'Mail address', 'User email', 'User email address'],
      ...["User's email", "User's email address", 'Work email', 'Work email address', 'SMTP', 'SMTP address'],
      ...['Primary SMTP address', 'Primary email', 'Primary email address'],
      ...[
        '이메일',
        '이메일 주소',
        '전자 메일',
        '전자 메일 주소',
        '전자우편',
        '전자우편 주소',
        '메일',
        '메일 주소',
      ],
      ...['电子邮件', '电子邮件地址', '电子邮箱', '电子邮箱地址', '邮件', '邮件地址', '邮件信箱'],
      ...[
        'E-postadress',
        'E-post',
        'Epostadress',
        'Mejl',
        'Mejladress',
        'Mailadress',
        'Användarens e-postadress',
      ],
      ...['Adresse e-mail', 'Adresse email', 'Adresse mail', 'Adresse électronique', 'Courriel', 'E-mail'],
      ...['Adresse de messagerie', 'Adresse courriel', 'Messagerie', 'Adresse de courriel', 'Mél'],
    ],
    [
      ...['User', 'User id', 'User name', 'Account', 'Login', 'Address', 'Object id', 'User object id'],
      ...[
        '사용자',
        '사용자 ID',
        '계정',
        '주소',
        '用户',
        '用户ID',
        '用户名',
        '账户',
        '账号',
        '帐户',
        '帐号',
        '地址',
      ],
      ...[
        'Användare',
        'Användarnamn',
        'Konto',
        'Adress',
        'Utilisateur',
        'Nom d’utilisateur',
        'Compte',
        'Adresse',
      ],
      ...['Identifiant'],
    ],
  ],
  from: [
    [
      ...['Valid from', 'From', 'From date', 'Start', 'Start date', 'Effective from', 'Date from', 'Since'],
      ...['유효 시작일', '유효 시작', '시작일', '시작 날짜', '적용 시작일', '시작', '부터'],
      ...[
        '有效期开始',
        '有效期起',
        '有效期自',
        '有效开始日期',
        '生效日期',
        '生效时间',
        '开始日期',
        '起始日期',
        '开始',
      ],
      ...['Giltig från', 'Giltig från och med', 'Gäller från', 'Gäller från och med', 'Från', 'Från och med'],
      ...['Startdatum', 'Fr.o.m.', 'Giltig fr.o.m.', 'Gäller fr.o.m.'],
      ...['Valable du', 'Valable à partir du', 'Valable depuis', 'Valide du', 'Valide à partir du', 'Du'],
      ...['À partir du', 'Date de début', 'Début', 'Début de validité', 'Depuis', 'Valide depuis'],
    ],
  ],
  until: [
    [
      ...[
        'Valid to',
        'Valid until',
        'Valid till',
        'Valid through',
        'To',
        'To date',
        'Until',
        'End',
        'End date',
      ],
      ...['Effective to', 'Effective until', 'Expires', 'Expiry date', 'Expiration date', 'Date to'],
      ...['유효 종료일', '유효 종료', '종료일', '종료 날짜', '만료일', '적용 종료일', '종료', '까지'],
      ...[
        '有效期结束',
        '有效期至',
        '有效期止',
        '有效结束日期',
        '失效日期',
        '失效时间',
        '结束日期',
        '截止日期',
        '结束',
      ],
      ...['Giltig till', 'Giltig till och med', 'Gäller till', 'Gäller till och med', 'Till', 'Till och med'],
      ...['Slutdatum', 'T.o.m.', 'Giltig t.o.m.', 'Gäller t.o.m.'],
      ...['Valable jusqu’au', 'Valable au', 'Valide jusqu’au', 'Valide au', 'Au', 'Jusqu’au', 'Date de fin'],
      ...['Fin', 'Fin de validité', 'Date d’expiration'],
    ],
  ],
};

const known = new Map(
  Object.entries(names).flatMap(([field, ranks]) =>
    ranks.flatMap((rank, order) =>
      rank.map((name) => [plain(name), { field: field as Field, order }] as const),
    ),
  ),
);

/** What a header cell stands for, and how good its name is (0 best); undefined for a column of no interest. */
export function meaning(header: string): { field: Field; order: number } | undefined {
  return known.get(plain(header)) ?? known.get(plain(header.normalize('NFKC').replace(/\([^)]*\)/g, '')));
}

/** Letters and digits alone, without case and accents. Hangul survives: it is put together again. */
function plain(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}
