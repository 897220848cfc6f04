import fc from 'fast-check';
import { normalizeEmail } from '#serving/functions-and-events/sign-up/email';

test.each([
  ['ann@example.org', 'ann@example.org'],
  ['Ann.Lee+news@Example.ORG', 'ann.lee+news@example.org'],
  [`${'a'.repeat(64)}@b.co`, `${'a'.repeat(64)}@b.co`],
])('%s is %s', (given, wanted) => expect(normalizeEmail(given)).toBe(wanted));

test.each([
  ['', 'nothing'],
  ['ann', 'no host'],
  ['@example.org', 'no name'],
  ['ann@', 'nothing behind the sign'],
  ['ann@localhost', 'a host of one label'],
  ['a b@example.org', 'a space'],
  ['ann@exa mple.org', 'a space in the host'],
  [' ann@example.org', 'a space in front'],
  ['ann@example.org\n', 'a line break'],
  ['ann@-example.org', 'a hyphen at the edge of a label'],
  ['ann@example..org', 'an empty label'],
  ['.ann@example.org', 'a dot in front'],
  ['a..b@example.org', 'two dots'],
  ['"ann"@example.org', 'quotes'],
  ['ann@example.org@example.org', 'two signs'],
  ['ann@exämple.org', 'letters outside of ASCII'],
  ['mar\u212a@example.org', 'the Kelvin sign, whose lower case is k'],
  ['ann\0@example.org', 'NUL'],
  [`${'a'.repeat(65)}@b.co`, 'a name that is too long'],
  [`a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}.org`, 'too long'],
])('%j is none: %s', (given) => expect(normalizeEmail(given)).toBeUndefined());

test('what is normal stays as it is, and case never makes another address', () =>
  fc.assert(
    fc.property(fc.emailAddress(), (address) => {
      const email = normalizeEmail(address);
      if (email === undefined) return;
      expect(normalizeEmail(email)).toBe(email);
      expect(normalizeEmail(address.toUpperCase())).toBe(email);
    }),
  ));

test('any text is an address or none, never an error', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(['string', 'undefined']).toContain(typeof normalizeEmail(text));
    }),
  ));
