import { addressFamily, cidrContains, parseAddress, requireCidr } from '../base/ip.ts'
import { listOf, textOf, textsOf } from './api/answer.ts'
import type { CloudApi } from './api/cloud-api.ts'
import { allPages } from './api/pages.ts'
import type { InterfaceLookup, InterfaceOf } from './desired/backends.ts'
import type { Candidate } from './desired/endpoints.ts'

const ADDRESSES_PER_CALL = 100

/**
 * On which interface of the VPC an address is. What was found is remembered as long as the pod lives: it never changes
 * its interface. {@link Interfaces.forget} drops what is known of one that ended.
 */
export class Interfaces {
  readonly #api: CloudApi
  readonly #vpcId: string
  /** By `<uid of the pod>/<address>`. */
  readonly #known = new Map<string, string>()
  #ranges: Promise<readonly string[]> | undefined

  constructor(api: CloudApi, vpcId: string) {
    this.#api = api
    this.#vpcId = vpcId
  }

  /** Looks up what is not known, and tells where each address is. */
  async resolve(candidates: readonly Candidate[]): Promise<InterfaceOf> {
    const unknown = [...new Set(candidates.filter((each) => !this.#known.has(keyOf(each))).map(({ ip }) => ip))]
    const found = unknown.length === 0 ? new Map<string, string>() : await this.#lookUp(unknown)
    for (const candidate of candidates) {
      const id = found.get(candidate.ip)
      if (id !== undefined && candidate.podUid !== undefined) this.#known.set(keyOf(candidate), id)
    }
    const idOf = (candidate: Candidate) => this.#known.get(keyOf(candidate)) ?? found.get(candidate.ip)
    const isMissing = candidates.some((candidate) => idOf(candidate) === undefined)
    const ranges = isMissing ? await this.#vpcRanges() : []
    return (candidate): InterfaceLookup => {
      const id = idOf(candidate)
      return id === undefined ? { found: false, outside: !isWithin(candidate.ip, ranges) } : { found: true, id }
    }
  }

  /** How many answers are remembered. */
  get size(): number {
    return this.#known.size
  }

  /** Forgets a pod's addresses. */
  forget(podUid: string): void {
    for (const key of this.#known.keys()) if (key.startsWith(`${podUid}/`)) this.#known.delete(key)
  }

  async #lookUp(addresses: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for (let at = 0; at < addresses.length; at += ADDRESSES_PER_CALL) {
      await this.#lookUpSome(addresses.slice(at, at + ADDRESSES_PER_CALL), found)
    }
    return found
  }

  async #lookUpSome(addresses: readonly string[], found: Map<string, string>): Promise<void> {
    const isIpv6 = addressFamily(addresses[0] ?? '') === 6
    const wanted = {
      VpcId: this.#vpcId,
      Status: 'InUse',
      [isIpv6 ? 'Ipv6Address' : 'PrivateIpAddress']: addresses,
      MaxResults: ADDRESSES_PER_CALL,
    }
    const pages = await allPages((token) => this.#api.call('ecs', 'DescribeNetworkInterfaces', { ...wanted, ...token }))
    for (const item of pages.flatMap((answer) => listOf(answer, 'NetworkInterfaceSets', 'NetworkInterfaceSet'))) {
      const id = textOf(item, 'NetworkInterfaceId')
      for (const set of listOf(item, 'PrivateIpSets', 'PrivateIpSet')) found.set(textOf(set, 'PrivateIpAddress'), id)
      for (const set of listOf(item, 'Ipv6Sets', 'Ipv6Set')) found.set(textOf(set, 'Ipv6Address'), id)
    }
  }

  #vpcRanges(): Promise<readonly string[]> {
    this.#ranges ??= this.#readRanges().catch((error) => {
      this.#ranges = undefined
      throw error
    })
    return this.#ranges
  }

  async #readRanges(): Promise<readonly string[]> {
    const answer = await this.#api.call('vpc', 'DescribeVpcs', { VpcId: this.#vpcId })
    const [vpc = {}] = listOf(answer, 'Vpcs', 'Vpc')
    const all = [
      textOf(vpc, 'CidrBlock'),
      textOf(vpc, 'Ipv6CidrBlock'),
      ...textsOf(vpc, 'SecondaryCidrBlocks', 'SecondaryCidrBlock'),
    ]
    return all.filter((range) => range !== '')
  }
}

function keyOf({ podUid, ip }: Candidate): string {
  return `${podUid ?? ''}/${ip}`
}

function isWithin(ip: string, ranges: readonly string[]): boolean {
  const address = parseAddress(ip)
  return address !== undefined && ranges.some((range) => cidrContains(requireCidr(range), address))
}
