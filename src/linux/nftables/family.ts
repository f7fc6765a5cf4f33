/** Address families of tables, as in `table ip NAME`, and their numbers in messages. */
export type NftFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev'

/** NFPROTO_* of each family. Source: include/uapi/linux/netfilter.h */
export const FAMILY_NUMBERS = {
  inet: 1,
  ip: 2,
  arp: 3,
  netdev: 5,
  bridge: 7,
  ip6: 10,
} as const satisfies Record<NftFamily, number>

const families = new Map<number, NftFamily>(
  (Object.keys(FAMILY_NUMBERS) as NftFamily[]).map((family) => [FAMILY_NUMBERS[family], family]),
)

/** The family with this number; undefined for one that tables do not have. */
export function familyOf(number: number): NftFamily | undefined {
  return families.get(number)
}
