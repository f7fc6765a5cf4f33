import { parseQuantity } from '../../quantity.ts'
import type { DownwardApiSource, KeysSource, ProjectedSource } from '../../types/volume.ts'
import type { Findings } from '../../validation/findings.ts'
import { labelProblems, subdomainProblems } from '../../validation/names.ts'
import { validateLabels } from '../../validation/object-meta.ts'
import { checkDescending, checkNoBacksteps } from './paths.ts'
import { checkDownwardApi, checkKeys, checkProjected } from './projected-volume.ts'

/** What a volume is made from, as its field holds it; decoding has seen to the types. */
export type Source = Readonly<Record<string, unknown>>
type Check = (source: Source, found: Findings, ofPod: boolean) => void

export interface SourceRule {
  readonly field: string
  /** Where its own errors are told, when that is not its field. */
  readonly at?: string
  /** How it is called when it is one too many. */
  readonly surplus?: string
  readonly check: Check
}

const HOST_PATH_TYPES = [
  ...['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'],
]
const PARTITION = 'must be between 1 and 255, inclusive'

/** Every kind of source, in upstream's order (`validateVolumeSource`), its slips of the pen included. */
export const SOURCE_RULES: readonly SourceRule[] = [
  { field: 'emptyDir', check: checkEmptyDir },
  { field: 'hostPath', check: checkHostPath },
  { field: 'gitRepo', check: checkGitRepo },
  { field: 'gcePersistentDisk', at: 'persistentDisk', check: disk('pdName') },
  { field: 'awsElasticBlockStore', check: disk('volumeID') },
  { field: 'secret', check: (source, found) => checkKeys(source as KeysSource, 'secretName', found) },
  { field: 'nfs', check: checkNfs },
  { field: 'iscsi', check: checkIscsi },
  { field: 'glusterfs', check: needs('endpoints', 'path') },
  { field: 'flocker', check: checkFlocker },
  { field: 'persistentVolumeClaim', check: needs('claimName') },
  { field: 'rbd', check: needs('monitors', 'image') },
  { field: 'cinder', check: checkCinder },
  { field: 'cephfs', surplus: 'cephFS', check: needs('monitors') },
  { field: 'quobyte', check: checkQuobyte },
  {
    field: 'downwardAPI',
    surplus: 'downwarAPI',
    check: (source, found) => checkDownwardApi(source as DownwardApiSource, found),
  },
  { field: 'fc', check: checkFibreChannel },
  { field: 'flexVolume', check: checkFlexVolume },
  { field: 'configMap', check: (source, found) => checkKeys(source as KeysSource, 'name', found) },
  { field: 'azureFile', check: needs('secretName', 'shareName') },
  { field: 'vsphereVolume', check: needs('volumePath') },
  { field: 'photonPersistentDisk', check: needs('pdID') },
  { field: 'portworxVolume', check: needs('volumeID') },
  { field: 'azureDisk', check: checkAzureDisk },
  { field: 'storageos', check: checkStorageOs },
  { field: 'projected', check: (source, found) => checkProjected(source as ProjectedSource, found) },
  { field: 'scaleIO', check: needs('gateway', 'system', 'volumeName') },
  { field: 'csi', check: checkCsi },
  { field: 'ephemeral', check: checkEphemeral },
  { field: 'image', check: checkImage },
]

function text(source: Source, field: string): string {
  const value = source[field]
  return typeof value === 'string' ? value : ''
}

function number(source: Source, field: string): number {
  const value = source[field]
  return typeof value === 'number' ? value : 0
}

function texts(source: Source, field: string): readonly string[] {
  const value = source[field]
  return Array.isArray(value) ? value : []
}

function nested(source: Source, field: string): Source | undefined {
  return source[field] as Source | undefined
}

/** Fields that must say something. */
function needs(...fields: readonly string[]): Check {
  return (source, found) => {
    for (const field of fields) {
      if (text(source, field) === '' && texts(source, field).length === 0) found.required(field)
    }
  }
}

function disk(name: string): Check {
  return (source, found) => {
    if (text(source, name) === '') found.required(name)
    const partition = number(source, 'partition')
    if (partition < 0 || partition > 255) found.invalid('partition', partition, PARTITION)
  }
}

function checkEmptyDir({ sizeLimit }: Source, found: Findings): void {
  if (typeof sizeLimit !== 'string' && typeof sizeLimit !== 'number') return
  if (parseQuantity(sizeLimit).nanos < 0n) {
    found.forbidden('sizeLimit', 'SizeLimit field must be a valid resource quantity')
  }
}

function checkHostPath(source: Source, found: Findings): void {
  const path = text(source, 'path')
  if (path === '') {
    found.required('path')
    return
  }
  checkNoBacksteps('path', path, found)
  found.oneOf('type', source.type, HOST_PATH_TYPES)
}

function checkGitRepo(source: Source, found: Findings): void {
  if (text(source, 'repository') === '') found.required('repository')
  checkDescending('directory', text(source, 'directory'), found)
}

function checkNfs(source: Source, found: Findings): void {
  const path = text(source, 'path')
  if (text(source, 'server') === '') found.required('server')
  if (path === '') found.required('path')
  if (!path.startsWith('/')) found.invalid('path', path, 'must be an absolute path')
}

const ISCSI_FORMATS: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([0-9A-Za-z\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[0-9A-Za-z]{16}$/,
  naa: /^naa.[0-9A-Za-z]{32}$/,
}

function checkIscsi(source: Source, found: Findings): void {
  if (text(source, 'targetPortal') === '') found.required('targetPortal')
  if (text(source, 'iqn') === '') found.required('iqn')
  else checkIscsiName('iqn', text(source, 'iqn'), found)
  found.between('lun', number(source, 'lun'), [0, 255])
  const secret = source.secretRef
  if ((source.chapAuthDiscovery || source.chapAuthSession) && secret === undefined) found.required('secretRef')
  const { initiatorName } = source
  if (typeof initiatorName === 'string') checkIscsiName('initiatorname', initiatorName, found)
}

function checkIscsiName(field: string, name: string, found: Findings): void {
  const format = ISCSI_FORMATS[name.slice(0, 3)]
  if (format === undefined) found.invalid(field, name, 'must be valid format starting with iqn, eui, or naa')
  else if (!format.test(name)) found.invalid(field, name, 'must be valid format')
}

function checkFlocker(source: Source, found: Findings): void {
  const [name, uuid] = [text(source, 'datasetName'), text(source, 'datasetUUID')]
  if (name === '' && uuid === '') found.required('', 'one of datasetName and datasetUUID is required')
  if (name !== '' && uuid !== '') {
    found.invalid('', 'resource', 'datasetName and datasetUUID can not be specified simultaneously')
  }
  if (name.includes('/')) found.invalid('datasetName', name, "must not contain '/'")
}

function checkCinder(source: Source, found: Findings): void {
  if (text(source, 'volumeID') === '') found.required('volumeID')
  const secret = nested(source, 'secretRef')
  if (secret !== undefined && text(secret, 'name') === '') found.required('secretRef.name')
}

const HOST_PORTS = 'must be a host:port pair or multiple pairs separated by commas'

function checkQuobyte(source: Source, found: Findings): void {
  const registry = text(source, 'registry')
  if (registry === '') found.required('registry', HOST_PORTS)
  else if (text(source, 'tenant').length >= 65) {
    found.required('tenant', 'must be a UUID and may not exceed a length of 64 characters')
  } else {
    for (const pair of registry.split(',')) {
      if (!/^(\[[^[\]]*\]|[^:[\]]*):[^:]*$/.test(pair)) found.invalid('registry', registry, HOST_PORTS)
    }
  }
  if (text(source, 'volume') === '') found.required('volume')
}

function checkFibreChannel(source: Source, found: Findings): void {
  const [names, ids] = [texts(source, 'targetWWNs'), texts(source, 'wwids')]
  if (names.length === 0 && ids.length === 0) {
    found.required('targetWWNs', 'must specify either targetWWNs or wwids, but not both')
  }
  if (names.length === 0) return
  if (ids.length > 0) found.invalid('targetWWNs', names, 'targetWWNs and wwids can not be specified simultaneously')
  if (source.lun === undefined) found.required('lun', 'lun is required if targetWWNs is specified')
  else found.between('lun', number(source, 'lun'), [0, 255])
}

function checkFlexVolume(source: Source, found: Findings): void {
  if (text(source, 'driver') === '') found.required('driver')
  for (const key of Object.keys(nested(source, 'options') ?? {})) {
    if (!/(^|\.)(kubernetes|k8s)\.io$/i.test(key.split('/')[0] ?? key)) continue
    found.invalid(`options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved')
  }
}

const AZURE_MANAGED = [
  '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}',
]
const AZURE_BLOB = ['https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd']

function checkAzureDisk(source: Source, found: Findings): void {
  const uri = text(source, 'diskURI')
  if (text(source, 'diskName') === '') found.required('diskName')
  if (uri === '') found.required('diskURI')
  found.oneOf('cachingMode', source.cachingMode, ['None', 'ReadOnly', 'ReadWrite'])
  found.oneOf('kind', source.kind, ['Dedicated', 'Managed', 'Shared'])
  if (source.kind === undefined) return
  const managed = source.kind === 'Managed'
  if (!uri.startsWith(managed ? '/subscriptions/' : 'https://')) {
    found.notSupported('diskURI', uri, managed ? AZURE_MANAGED : AZURE_BLOB)
  }
}

function checkStorageOs(source: Source, found: Findings): void {
  const [name, namespace] = [text(source, 'volumeName'), text(source, 'volumeNamespace')]
  if (name === '') found.required('volumeName')
  else found.problems('volumeName', name, labelProblems(name))
  if (namespace !== '') found.problems('volumeNamespace', namespace, labelProblems(namespace))
  const secret = nested(source, 'secretRef')
  if (secret !== undefined && text(secret, 'name') === '') found.required('secretRef.name')
}

function checkCsi(source: Source, found: Findings): void {
  const driver = text(source, 'driver')
  if (driver === '') found.required('driver')
  if (driver.length > 63) found.tooLong('driver', 63)
  found.problems('driver', driver, subdomainProblems(driver.toLowerCase()))
  const secret = nested(source, 'nodePublishSecretRef')
  if (secret === undefined) return
  const name = text(secret, 'name')
  if (name === '') found.required('nodePublishSecretRef.name')
  else found.problems('name', name, subdomainProblems(name))
}

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']

/** A claim that is made for the pod. */
function checkEphemeral(source: Source, found: Findings): void {
  const template = nested(source, 'volumeClaimTemplate')
  if (template === undefined) {
    found.required('volumeClaimTemplate')
    return
  }
  found.within(template, 'volumeClaimTemplate', () => {
    found.add(validateLabels(nested(template, 'metadata')?.labels, 'metadata.labels'))
    found.within(nested(template, 'spec') ?? {}, 'spec', checkClaim)
  })
}

function checkClaim(spec: Source, found: Findings): void {
  const modes = texts(spec, 'accessModes')
  if (modes.length === 0) found.required('accessModes', 'at least 1 access mode is required')
  for (const mode of modes) found.oneOf('accessModes', mode, ACCESS_MODES)
  if (modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod')) {
    found.forbidden('accessModes', 'may not use ReadWriteOncePod with other access modes')
  }
  const amount = nested(nested(spec, 'resources') ?? {}, 'requests')?.storage
  if (typeof amount !== 'string' && typeof amount !== 'number') found.required('resources[storage]')
  else if (parseQuantity(amount).nanos <= 0n) found.invalid('resources[storage]', amount, 'must be greater than zero')
  const className = text(spec, 'storageClassName')
  if (className !== '') found.problems('storageClassName', className, subdomainProblems(className))
  found.oneOf('volumeMode', spec.volumeMode, ['Block', 'Filesystem'])
}

function checkImage(source: Source, found: Findings, ofPod: boolean): void {
  if (ofPod && text(source, 'reference') === '') found.required('reference')
  found.oneOf('pullPolicy', source.pullPolicy, ['Always', 'IfNotPresent', 'Never'])
}
