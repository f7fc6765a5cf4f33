import { readFile } from 'node:fs/promises'
import { errorMessage, FairleadError } from '../base/error.ts'
import type { AccessKeys } from './credentials/access-keys.ts'
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
  /** Without them the machine's RAM role counts. */
  readonly keys?: AccessKeys
  /** The account that is acted for, when it is another one than the keys'. */
  readonly uid?: string
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
  const [keys, uid] = [accessKeys(global, env), global.text('uid')]
  return {
    region: global.required('region'),
    clusterId: global.text('clusterID') ?? 'clusterid',
    vpcId: global.required('vpcid'),
    vSwitchIds: readVSwitches(global.text('vswitchid') ?? ''),
    zones: readZones(global.text('vswitchid') ?? ''),
    ...(keys === undefined ? {} : { keys }),
    ...(uid === undefined ? {} : { uid }),
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

/** Gates of ACK's controller. */
const GATES: readonly string[] = [
  'IPv6DualStack',
  'EndpointSlice',
  'FilterServiceOnNodeChange',
  'LoadBalancerTypeAnnotation',
]
/** What Go's `strconv.ParseBool` takes. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false])),
}

/** `A=true,B=false` @throws FairleadError `INVALID_INPUT` */
export function readGates(text: string): Readonly<Record<string, boolean>> {
  const items = text.split(',').filter((item) => item.trim() !== '')
  return Object.fromEntries(
    items.map((item) => {
      const [gate = '', value] = item.split('=').map((part) => part.trim())
      const isOn = BOOLEANS[value ?? '']
      if (!GATES.includes(gate)) throw wrongGate(`unrecognized feature gate: ${gate}; there are ${GATES.join(', ')}`)
      if (value === undefined) throw wrongGate(`missing bool value for ${gate}`)
      if (isOn === undefined) throw wrongGate(`invalid value of ${gate}=${value}: give true or false`)
      return [gate, isOn]
    }),
  )
}

function wrongGate(text: string): FairleadError {
  return new FairleadError('INVALID_INPUT', `Cannot use the feature gates: ${text}`)
}

/** In the config both are written in base64, in the environment plainly. */
function accessKeys(global: Fields, env: Environment): AccessKeys | undefined {
  const [id, secret] = [global.text('accessKeyID'), global.text('accessKeySecret')]
  if (id !== undefined && secret !== undefined) {
    return { accessKeyId: decoded(id), accessKeySecret: decoded(secret) }
  }
  const { ACCESS_KEY_ID, ACCESS_KEY_SECRET } = env
  if (ACCESS_KEY_ID && ACCESS_KEY_SECRET) return { accessKeyId: ACCESS_KEY_ID, accessKeySecret: ACCESS_KEY_SECRET }
  if (id === undefined && secret === undefined && !ACCESS_KEY_ID && !ACCESS_KEY_SECRET) return undefined
  throw new FairleadError('INVALID_INPUT', `${global.source} has no access key, nor has the environment`, {
    hint: 'Give accessKeyID and accessKeySecret (base64) under Global, or ACCESS_KEY_ID and ACCESS_KEY_SECRET, or neither of both for the RAM role of the machine',
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
