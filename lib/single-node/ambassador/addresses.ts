import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * IPv4 that is not everybody's: this host, private and shared networks, link-local (where clouds answer about
 * credentials), documentation, benchmarks, multicast, reserved.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/
 */
const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const;

/**
 * Of IPv6 only 2000::/3 is handed out to anybody. Less what is in it for Teredo, benchmarks and the like, and for
 * documentation.
 *
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry/
 */
const SPECIAL_V6_IN_GLOBAL = ['2001::/23', '2001:db8::/32', '3fff::/20'] as const;

const blockList = (subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
};

const specialV4 = blockList(SPECIAL_V4, 'ipv4');
const specialV6 = blockList(SPECIAL_V6_IN_GLOBAL, 'ipv6');
const linkLocalV4 = blockList(['169.254.0.0/16'], 'ipv4');

/** The eight groups of an IPv6 address; the last two may be written as an IPv4 one. */
const groupsOf = (address: string): readonly number[] => {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [, head = '', a, b, c, d] = dotted ?? [];
  const hex = (high: unknown, low: unknown): string => (Number(high) * 256 + Number(low)).toString(16);
  const text = dotted === null ? address : `${head}${hex(a, b)}:${hex(c, d)}`;
  const [left = '', right] = text.split('::');
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = parse(left);
  const after = right === undefined ? [] : parse(right);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
};

const v4Of = (high = 0, low = 0): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');

/** The IPv4 address that an IPv6 one stands for: mapped, compatible, translated (NAT64), or 6to4. */
const embeddedV4 = (address: string): string | undefined => {
  const [g0, g1, g2, g3, g4, g5, g6, g7] = groupsOf(address);
  const isZero = (...groups: readonly (number | undefined)[]): boolean => groups.every((group) => group === 0);
  if (isZero(g0, g1, g2, g3, g4) && (g5 === 0xffff || g5 === 0)) return v4Of(g6, g7);
  if (g0 === 0x64 && g1 === 0xff9b && isZero(g2, g3, g4, g5)) return v4Of(g6, g7);
  if (g0 === 0x2002) return v4Of(g1, g2);
  return undefined;
};

/**
 * True for an address that a server somewhere on the internet may have. False for whatever only this host, this network
 * or this cloud could be meant by, for everything reserved, and for IPv6 that stands for such an IPv4 address.
 */
export const isPublicAddress = (address: string): boolean => {
  if (isIPv4(address)) return !specialV4.check(address, 'ipv4');
  // A zone (fe80::1%eth0) names an interface of this host.
  if (!isIPv6(address) || address.includes('%')) return false;
  const inner = embeddedV4(address);
  if (inner !== undefined) return isPublicAddress(inner);
  const first = groupsOf(address)[0] ?? 0;
  return first >= 0x2000 && first <= 0x3fff && !specialV6.check(address, 'ipv6');
};

/** True for link-local addresses, at one of which each cloud tells credentials: nobody may declare them his target. */
export const isLinkLocal = (address: string): boolean => {
  if (isIPv4(address)) return linkLocalV4.check(address, 'ipv4');
  if (!isIPv6(address)) return false;
  const inner = embeddedV4(address);
  if (inner !== undefined) return isLinkLocal(inner);
  const first = groupsOf(address)[0] ?? 0;
  // Also AWS's own on IPv6, fd00:ec2::254.
  return (first & 0xffc0) === 0xfe80 || (first === 0xfd00 && groupsOf(address)[1] === 0xec2);
};
