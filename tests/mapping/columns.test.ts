import { meaning } from '../../shared/mapping/columns';

test.each([
  [
    'number',
    ['Mobile number', 'Phone', 'PHONE_NUMBER', 'mobile-phone', 'mobilePhone', "User's Mobile Number"],
  ],
  [
    'number',
    [
      '手机号码',
      '手机号',
      '휴대폰 번호',
      '휴대폰번호',
      'Mobilnummer',
      'Numéro de mobile',
      'NUMERO DE MOBILE',
    ],
  ],
  ['number', ['Phone (E.164)', '手机号码（必填）', 'Numero\u0301 de mobile', '전화번호']],
  [
    'address',
    ['Email address', 'E-mail', 'Mailbox', 'UPN', 'User', 'userPrincipalName', 'Microsoft 365 mailbox'],
  ],
  [
    'address',
    ['邮箱', '电子邮件地址', '이메일 주소', 'E-postadress', 'E-post', 'Adresse e-mail', 'Boîte aux lettres'],
  ],
  [
    'from',
    ['Valid from', 'valid_from', 'Start date', '生效日期', '유효 시작일', 'Giltig från', 'Valable du'],
  ],
  [
    'until',
    ['Valid to', 'VALID-UNTIL', 'End date', '失效日期', '유효 종료일', 'Giltig till', "Valable jusqu'au"],
  ],
])('knows the column of the %s by each of its names', (field, headers) => {
  for (const header of headers) expect([header, meaning(header)?.field]).toEqual([header, field]);
});

test('knows no column by a name that only holds a known one', () => {
  for (const header of ['Office phone', 'Fax', 'Email verified', '', '()', '备注', '부서', 'Manager email']) {
    expect([header, meaning(header)]).toEqual([header, undefined]);
  }
});

test('prefers the mailbox to the mail, and the mobile to any phone', () => {
  const order = (header: string) => meaning(header)?.order ?? NaN;
  expect(order('Mobile phone')).toBeLessThan(order('Telephone number'));
  expect(order('Mailbox')).toBeLessThan(order('User principal name'));
  expect(order('User principal name')).toBeLessThan(order('Mail'));
  expect(order('Mail')).toBeLessThan(order('User'));
});
