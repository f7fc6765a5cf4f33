import { readFile } from 'node:fs/promises'
import { errorMessage, FairleadError } from '../base/error.ts'
import { pairs } from './desired/ports.ts'
import type { Zone } from './desired/service-plan.ts'

/** What the cloud controller is told about the cloud: the part `Global` of ACK's cloud config. */
export interface CloudConfig {
  readonly region: string
  readonly clusterId: string
  readonly vpcId: string
  readonly vSwitchIds: readonly string[]
  /** Zones that the vSwitches are listed with. @default none */
  readonly zones?: readonly Zone[]
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly resourceGroupId?: string
  readonly routeTableIds: readonly string[]
  readonly serviceBackendType: 'eni' | 'ecs'
  readonly serviceMaxConcurrentReconciles: number
  readonly disablePublicSlb: boolean
  readonly nodeMonitorPeriodSeconds: number
  readonly featureGates: Readonly<Record<string, boolean>>
}

type Environment = Readonly<Record<string, string | undefined>>

const WORKERS = 3
const NODE_PERIOD_SECONDS = 300

/** Reads a cloud config from a file of JSON or YAML. @throws FairleadError `NOT_FOUND`, `INVALID_INPUT` */
export async function loadCloudConfig(path: string, env: Environment): Promise<CloudConfig> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new FairleadError('NOT_FOUND', `Cannot read the cloud config ${path}: ${errorMessage(cause)}`, { cause })
  })
  const { parse } = await import('../base/yaml.ts')
  let content: unknown
  try {
    content = parse(text)
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `Cannot read the cloud config ${path}: ${errorMessage(cause)}`, { cause })
  }
  return readCloudConfig(content, { source: path, env })
}

/**
 * Reads a cloud config: keys as ACK's controller has them. Without a key the environment's `ACCESS_KEY_ID` and
 * `ACCESS_KEY_SECRET` count.
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export function readCloudConfig(
  content: unknown,
  { source, env }: { readonly source: string; readonly env: Environment },
): CloudConfig {
  const global = new Fields(Object(Object(content).Global), source)
  const resourceGroupId = global.text('resourceGroupID')
  return {
    region: global.required('region'),
    clusterId: global.text('clusterID') ?? 'clusterid',
    vpcId: global.required('vpcid'),
    vSwitchIds: readVSwitches(global.text('vswitchid') ?? ''),
    zones: readZones(global.text('vswitchid') ?? ''),
    ...accessKey(global, env),
    ...(resourceGroupId === undefined ? {} : { resourceGroupId }),
    routeTableIds: (global.text('routeTableIDs') ?? '').split(',').filter((id) => id !== ''),
    serviceBackendType: backendType(global, env),
    serviceMaxConcurrentReconciles: global.count('serviceMaxConcurrentReconciles') ?? WORKERS,
    disablePublicSlb: global.text('disablePublicSLB') === 'true',
    nodeMonitorPeriodSeconds: global.count('nodeMonitorPeriod') ?? NODE_PERIOD_SECONDS,
    featureGates: readGates(global.text('featureGates') ?? ''),
  }
}

/** `:vsw-a,:vsw-b` or `zone:vsw-a,zone:vsw-b` */
function readVSwitches(text: string): readonly string[] {
  return text.split(',').flatMap((item) => item.split(':').at(-1)?.trim() || [])
}

/** The first vSwitch of each zone that is named. */
function readZones(text: string): readonly Zone[] {
  const zones = new Map<string, string>()
  for (const [zoneId, vSwitchId] of pairs(text)) if (!zones.has(zoneId)) zones.set(zoneId, vSwitchId)
  return [...zones].map(([zoneId, vSwitchId]) => ({ zoneId, vSwitchId }))
}

/** `A=true,B=false` */
export function readGates(text: string): Readonly<Record<string, boolean>> {
  const items = text.split(',').filter((item) => item !== '')
  return Object.fromEntries(items.map((item) => [item.split('=')[0]?.trim() ?? '', item.split('=')[1] !== 'false']))
}

/** In the config both are written in base64, in the environment plainly. */
function accessKey(global: Fields, env: Environment): Pick<CloudConfig, 'accessKeyId' | 'accessKeySecret'> {
  const [id, secret] = [global.text('accessKeyID'), global.text('accessKeySecret')]
  if (id !== undefined && secret !== undefined) {
    return { accessKeyId: decoded(id), accessKeySecret: decoded(secret) }
  }
  const { ACCESS_KEY_ID, ACCESS_KEY_SECRET } = env
  if (ACCESS_KEY_ID && ACCESS_KEY_SECRET) return { accessKeyId: ACCESS_KEY_ID, accessKeySecret: ACCESS_KEY_SECRET }
  throw new FairleadError('INVALID_INPUT', `${global.source} has no access key, nor has the environment`, {
    hint: 'Give accessKeyID and accessKeySecret (base64) under Global, or ACCESS_KEY_ID and ACCESS_KEY_SECRET',
  })
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8')
}

function backendType(global: Fields, env: Environment): 'eni' | 'ecs' {
  if (env.SERVICE_FORCE_BACKEND_ENI === 'true') return 'eni'
  return global.text('serviceBackendType') === 'eni' ? 'eni' : 'ecs'
}

class Fields {
  readonly source: string
  readonly #values: ReadonlyMap<string, unknown>

  constructor(values: object, source: string) {
    this.source = source
    this.#values = new Map(Object.entries(values).map(([name, value]) => [name.toLowerCase(), value]))
  }

  /** Names count without regard to case, as in Go's JSON. */
  text(name: string): string | undefined {
    const value = this.#values.get(name.toLowerCase())
    return value === undefined || value === null || value === '' ? undefined : String(value)
  }

  required(name: string): string {
    const value = this.text(name)
    if (value !== undefined) return value
    throw new FairleadError('INVALID_INPUT', `${this.source} has no Global.${name}`)
  }

  count(name: string): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    if (/^\d{1,6}$/.test(value) && Number(value) > 0) return Number(value)
    throw new FairleadError(
      'INVALID_INPUT',
      `${this.source} has Global.${name} '${value}': give a whole number above 0`,
    )
  }
}
