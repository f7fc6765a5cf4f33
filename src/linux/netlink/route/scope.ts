/** How far an address or route reaches: RT_SCOPE_* of include/uapi/linux/rtnetlink.h. */
export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere'

const NUMBERS: Readonly<Record<Scope, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 }
const NAMES = new Map(Object.entries(NUMBERS).map(([name, number]) => [number, name as Scope]))

export function scopeNumber(scope: Scope): number {
  return NUMBERS[scope]
}

/** Scopes that an administrator numbered himself count as global. */
export function scopeName(number: number): Scope {
  return NAMES.get(number) ?? 'global'
}
