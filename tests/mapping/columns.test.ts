import { meaningOf } from '../../shared/mapping/columns';

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
])('recognises the %s column by each of its names', (field, headers) => {
  for (const header of headers) expect([header, meaningOf(header)?.field]).toEqual([header, field]);
});

test('does not recognise a column whose name only contains a known name', () => {
  for (const header of ['Office phone', 'Fax', 'Email verified', '', '()', '备注', '부서', 'Manager email']) {
    expect([header, meaningOf(header)]).toEqual([header, undefined]);
  }
});

test('prefers a mailbox to an e-mail address, and a mobile number to any phone number', () => {
  const rank = (header: string) => meaningOf(header)?.rank ?? NaN;
  expect(rank('Mobile phone')).toBeLessThan(rank('Telephone number'));
  expect(rank('Mailbox')).toBeLessThan(rank('User principal name'));
  expect(rank('User principal name')).toBeLessThan(rank('Mail'));
  expect(rank('Mail')).toBeLessThan(rank('User'));
});
