import { isAddress } from '../participants/address';
import { shown, type MappingProblem } from './problem';

/** The columns of a mapping file, and the names by which its header line may call them. */

export type Field = 'number' | 'address' | 'from' | 'until';

/** The columns' names in a template and in error texts. */
const columnNames: Record<Field, string> = {
  number: 'Mobile number',
  address: 'Email address',
  from: 'Valid from',
  until: 'Valid to',
};

/** What a file without a usable header should begin with. */
export const headerExpected = `a header line such as "${columnNames.number},${columnNames.address}"`;

/**
 * The names that people give a field, in the languages of the product, with a rank: 0 is best. A directory export
 * has both `mobilePhone` and `telephoneNumber`, both `userPrincipalName` and `mail`; the better rank is used. Case,
 * accents, spaces, hyphens and underscores do not count.
 */
const names: readonly (readonly [field: Field, rank: number, names: string])[] = [
  ['number', 0, 'Mobile number, Mobile, Mobile phone, Mobile phone number, Mobile no, Cell, Cell phone'],
  ['number', 0, "Cell number, Cell phone number, MSISDN, User's mobile number, User mobile number"],
  ['number', 0, 'WhatsApp number, WhatsApp, WeChat number, WhatsApp phone number, WeChat phone number'],
  ['number', 0, '휴대폰, 휴대폰 번호, 휴대전화, 휴대전화 번호, 핸드폰, 핸드폰 번호, 모바일, 모바일 번호'],
  ['number', 0, '모바일 전화, 모바일 전화번호, 사용자 휴대폰 번호'],
  ['number', 0, '手机, 手机号, 手机号码, 移动电话, 移动电话号码, 移动号码, 用户手机号码, 用户手机号'],
  ['number', 0, 'Mobilnummer, Mobil, Mobiltelefon, Mobiltelefonnummer, Mobilnr, Användarens mobilnummer'],
  ['number', 0, 'Numéro de mobile, Numéro mobile, N° de mobile, N° mobile, Téléphone mobile, Portable'],
  ['number', 0, 'Numéro de portable, N° de portable, Téléphone portable, Numéro de téléphone portable'],
  ['number', 0, 'Numéro de mobile de l’utilisateur, Numéro de téléphone mobile, N° portable'],
  ['number', 1, 'Phone, Phone number, Phone no, Telephone, Telephone number, Tel, Tel no, Number'],
  ['number', 1, '전화, 전화번호, 연락처, 번호, 电话, 电话号码, 号码, 联系电话'],
  ['number', 1, 'Telefon, Telefonnummer, Telefonnr, Nummer'],
  ['number', 1, 'Téléphone, Tél, Numéro de téléphone, Numéro, N° de téléphone, N° téléphone'],
  ['address', 0, 'Mailbox, Mailbox address, Microsoft 365 mailbox, Microsoft 365 mailbox address'],
  ['address', 0, 'Microsoft 365 mailbox email address, Corresponding Microsoft 365 mailbox address'],
  ['address', 0, 'Microsoft 365 address, Microsoft 365 email address, Microsoft 365 email'],
  ['address', 0, 'Office 365 mailbox, Office 365 mailbox address, M365 mailbox, M365 email, M365 user'],
  ['address', 0, 'O365 email, Microsoft 365 user'],
  ['address', 0, '사서함, 사서함 주소, 메일함, Microsoft 365 사서함, Microsoft 365 사서함 주소'],
  ['address', 0, '邮箱, 邮箱地址, Microsoft 365 邮箱, Microsoft 365 邮箱地址'],
  ['address', 0, 'Postlåda, Postlådeadress, Brevlåda, Microsoft 365-postlåda, Microsoft 365-postlådeadress'],
  ['address', 0, 'Boîte aux lettres, Adresse de boîte aux lettres, Adresse de la boîte aux lettres'],
  ['address', 0, 'Boîte mail, Boîte aux lettres Microsoft 365, Adresse de boîte aux lettres Microsoft 365'],
  ['address', 1, 'UPN, User principal name, Principal name, Användarens huvudnamn'],
  ['address', 1, '사용자 계정 이름, 사용자 이름 UPN, 用户主体名称, 用户主体名'],
  ['address', 1, 'Nom d’utilisateur principal, Nom d’utilisateur principal (UPN), Nom principal'],
  ['address', 1, 'Nom principal d’utilisateur'],
  ['address', 2, 'Email, Email address, E-mail, Mail, Mail address, User email, User email address'],
  ['address', 2, "User's email, User's email address, Work email, Work email address, SMTP, SMTP address"],
  ['address', 2, 'Primary SMTP address, Primary email, Primary email address'],
  ['address', 2, '이메일, 이메일 주소, 전자 메일, 전자 메일 주소, 전자우편, 전자우편 주소, 메일, 메일 주소'],
  ['address', 2, '电子邮件, 电子邮件地址, 电子邮箱, 电子邮箱地址, 邮件, 邮件地址, 邮件信箱'],
  ['address', 2, 'E-postadress, E-post, Epostadress, Användarens e-postadress, Mejl, Mejladress, Mailadress'],
  ['address', 2, 'Adresse e-mail, Adresse email, Adresse mail, Mél, Adresse électronique, Courriel'],
  ['address', 2, 'Adresse courriel, Adresse de courriel, Messagerie, Adresse de messagerie'],
  ['address', 3, 'User, User id, User name, Account, Login, Address, Object id, User object id'],
  ['address', 3, '사용자, 사용자 ID, 계정, 주소, 用户, 用户ID, 用户名, 账户, 账号, 帐户, 帐号, 地址'],
  ['address', 3, 'Användare, Användarnamn, Konto, Adress'],
  ['address', 3, 'Utilisateur, Nom d’utilisateur, Identifiant, Compte, Adresse'],
  ['from', 0, 'Valid from, From, From date, Start, Start date, Effective from, Date from, Since'],
  ['from', 0, '유효 시작일, 유효 시작, 시작일, 시작 날짜, 적용 시작일, 시작, 부터'],
  ['from', 0, '有效期开始, 有效期起, 有效期自, 有效开始日期, 生效日期, 生效时间, 开始日期, 起始日期, 开始'],
  ['from', 0, 'Giltig från, Giltig från och med, Giltig fr.o.m., Gäller från, Gäller från och med'],
  ['from', 0, 'Gäller fr.o.m., Från, Från och med, Fr.o.m., Startdatum'],
  ['from', 0, 'Valable du, Valable à partir du, Valable depuis, Valide du, Valide à partir du'],
  ['from', 0, 'Valide depuis, Du, À partir du, Depuis, Date de début, Début, Début de validité'],
  ['until', 0, 'Valid to, Valid until, Valid till, Valid through, To, To date, Until, End, End date'],
  ['until', 0, 'Effective to, Effective until, Expires, Expiry date, Expiration date, Date to'],
  ['until', 0, '유효 종료일, 유효 종료, 종료일, 종료 날짜, 만료일, 적용 종료일, 종료, 까지'],
  ['until', 0, '有效期结束, 有效期至, 有效期止, 有效结束日期, 失效日期, 失效时间, 结束日期, 截止日期, 结束'],
  ['until', 0, 'Giltig till, Giltig till och med, Giltig t.o.m., Gäller till, Gäller till och med'],
  ['until', 0, 'Gäller t.o.m., Till, Till och med, T.o.m., Slutdatum'],
  ['until', 0, 'Valable jusqu’au, Valable au, Valide jusqu’au, Valide au, Au, Jusqu’au, Date de fin, Fin'],
  ['until', 0, 'Fin de validité, Date d’expiration'],
];

interface Meaning {
  field: Field;
  /** 0 is best. */
  rank: number;
}

const meanings: ReadonlyMap<string, Meaning> = new Map(
  names.flatMap(([field, rank, list]) => list.split(', ').map((name) => [plain(name), { field, rank }])),
);

/** Longer than any name of a column with its remarks. */
const maxHeaderLength = 200;

/** The field that a header cell names, and the rank of the name; undefined for a column that is not used. */
export function meaningOf(header: string): Meaning | undefined {
  if (header.length > maxHeaderLength) return undefined;
  return (
    meanings.get(plain(header)) ?? meanings.get(plain(header.normalize('NFKC').replace(/\([^)]*\)/g, '')))
  );
}

/** Letters and digits only, in lower case, without accents. NFKD splits Hangul; NFC joins it again. */
function plain(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** Where a file has each field; `header` is the name as the file writes it. */
export type Columns = Partial<Record<Field, { index: number; header: string }>>;

/** Finds the columns in the cells of the header line, or gives the reasons why they are unclear. */
export function readHeader(
  cells: readonly string[],
  line: number,
): { columns: Columns } | { problems: MappingProblem[] } {
  const columns: Columns = {};
  const problems: MappingProblem[] = [];
  for (const field of Object.keys(columnNames) as Field[]) {
    const named = cells.flatMap((header, index) => {
      const found = meaningOf(header);
      return found?.field === field ? [{ header, index, rank: found.rank }] : [];
    });
    const best = Math.min(...named.map(({ rank }) => rank));
    const [first, second] = named.filter(({ rank }) => rank === best);
    if (!first) continue;
    columns[field] = { index: first.index, header: first.header };
    if (second)
      problems.push({
        code: 'header',
        line,
        column: second.index + 1,
        header: shown(second.header),
        expected: `one column "${columnNames[field]}"`,
        found: `a second one; the first is column ${first.index + 1}, ${shown(first.header)}`,
      });
  }
  if (!columns.number || !columns.address) problems.push(missingColumns(cells, line, columns));
  return problems.length > 0 ? { problems } : { columns };
}

function missingColumns(cells: readonly string[], line: number, columns: Columns): MappingProblem {
  const isData = cells.some((cell) => isAddress(cell) || /^[+'’(]?[\d\s().-]{7,}$/.test(cell));
  const missing = (['number', 'address'] as const).filter((field) => !columns[field]);
  const cellsShown = shown(cells.join(', '));
  return isData
    ? { code: 'header', line, expected: headerExpected, found: `data in the first line: ${cellsShown}` }
    : {
        code: 'header',
        line,
        expected: missing.map((field) => `a column "${columnNames[field]}"`).join(' and '),
        found: cellsShown,
      };
}
