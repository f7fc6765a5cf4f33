import type {
  DownwardApiFile,
  DownwardApiSource,
  KeysSource,
  KeyToPath,
  ProjectedSource,
  VolumeProjection,
} from '../../types/volume.ts'
import type { Findings } from '../../validation/findings.ts'
import { checkFieldRef, checkResourceFieldRef } from './downward-api.ts'
import { checkLocalPath, checkMode } from './paths.ts'

const FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid']
const SOURCES = [
  ...(['secret', 'configMap', 'downwardAPI', 'serviceAccountToken'] as const),
  ...(['clusterTrustBundle', 'podCertificate'] as const),
]
const CONFLICT = 'conflicting duplicate paths'
const [TOKEN_LEAST, TOKEN_MOST] = [600, 2 ** 32]

/** Rules of a volume made of the keys of one Secret or ConfigMap. @param name Its field that names the object. */
export function checkKeys(source: KeysSource, name: 'name' | 'secretName', found: Findings): void {
  if (!source[name]) found.required(name)
  checkMode('defaultMode', source.defaultMode, found)
  found.each(source.items, 'items', checkItem)
}

function checkItem({ key, path = '', mode }: KeyToPath, found: Findings): void {
  if (!key) found.required('key')
  if (path === '') found.required('path')
  checkLocalPath('path', path, found)
  checkMode('mode', mode, found)
}

/** Rules of a volume of facts about the pod. Upstream does not say which file is wrong. */
export function checkDownwardApi({ items, defaultMode }: DownwardApiSource, found: Findings): void {
  checkMode('defaultMode', defaultMode, found)
  for (const file of items ?? []) checkFile(file, found)
}

function checkFile({ path = '', fieldRef, resourceFieldRef, mode }: DownwardApiFile, found: Findings): void {
  if (path === '') found.required('path')
  checkLocalPath('path', path, found)
  if (fieldRef !== undefined) {
    found.within(fieldRef, 'fieldRef', (field) => checkFieldRef(field, FIELDS, found))
    if (resourceFieldRef !== undefined) {
      found.invalid('', 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')
    }
  } else if (resourceFieldRef === undefined) found.required('', 'one of fieldRef and resourceFieldRef is required')
  else found.within(resourceFieldRef, 'resourceFieldRef', (field) => checkResourceFieldRef(field, true, found))
  checkMode('mode', mode, found)
}

/** Rules of a volume that several sources share (upstream `validateProjectedVolumeSource`). */
export function checkProjected({ sources = [], defaultMode }: ProjectedSource, found: Findings): void {
  checkMode('defaultMode', defaultMode, found)
  const taken = new Set<string>()
  sources.forEach((source, index) => {
    checkProjection(source, { at: `sources[${index}]`, taken }, found)
    const given = SOURCES.filter((name) => source[name] !== undefined).length
    if (given > 1) found.forbidden(`sources[${index}]`, 'may not specify more than 1 volume type per source')
  })
}

interface Place {
  readonly at: string
  /** Paths that another source has. */
  readonly taken: Set<string>
}

/** Upstream reports paths at the volume, not at the source. */
function checkProjection(source: VolumeProjection, { at, taken }: Place, found: Findings): void {
  for (const kind of ['secret', 'configMap'] as const) {
    const { name, items = [] } = source[kind] ?? { name: '-' }
    if (!name) found.required(`${at}.${kind}.name`)
    items.forEach((item, index) => {
      found.within(item, `${at}.${kind}.items[${index}]`, checkItem)
      if (item.path) claim(item.path, taken, () => found.invalid('', name ?? '', CONFLICT))
    })
  }
  for (const file of source.downwardAPI?.items ?? []) {
    found.within(file, `${at}.downwardAPI`, checkFile)
    const { path } = file
    if (path) claim(path, taken, () => found.invalid('', path, CONFLICT))
  }
  if (source.serviceAccountToken !== undefined)
    checkToken(source.serviceAccountToken, `${at}.serviceAccountToken`, found)
  const bundle = source.clusterTrustBundle
  if (bundle === undefined) return
  found.within(bundle, `${at}.clusterTrustBundle`, checkBundle)
  const { path = '' } = bundle
  claim(path, taken, () => found.invalid('', path, CONFLICT))
}

function claim(path: string, taken: Set<string>, refuse: () => void): void {
  if (taken.has(path)) refuse()
  taken.add(path)
}

function checkToken(
  { expirationSeconds: seconds = 3600, path = '' }: NonNullable<VolumeProjection['serviceAccountToken']>,
  at: string,
  found: Findings,
): void {
  const field = `${at}.expirationSeconds`
  if (seconds < TOKEN_LEAST) found.invalid(field, seconds, 'may not specify a duration less than 10 minutes')
  if (seconds > TOKEN_MOST) found.invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds')
  if (path === '') found.required('path')
  else checkLocalPath('path', path, found)
}

function checkBundle(bundle: NonNullable<VolumeProjection['clusterTrustBundle']>, found: Findings): void {
  const { name, signerName, labelSelector, path = '' } = bundle
  if (name !== undefined && signerName !== undefined) {
    found.invalid('', bundle, 'only one of name and signerName may be used')
  } else if (name !== undefined) {
    if (name === '') found.required('name', 'must be a valid object name')
    if (labelSelector !== undefined) {
      found.invalid('labelSelector', labelSelector, 'labelSelector must be unset if name is specified')
    }
  } else if (signerName === undefined) found.required('', 'either name or signerName must be specified')
  else if (signerName === '') found.required('signerName', 'must be a valid signer name')
  if (path === '') found.required('path')
  checkLocalPath('path', path, found)
}
