import type { Container, VolumeMount } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { checkDescending, goesBack } from './paths.ts'
import type { KnownVolumes } from './volumes.ts'

interface VolumeDevice {
  readonly name?: string
  readonly devicePath?: string
}

interface Uses {
  readonly mounts: readonly VolumeMount[]
  readonly devices: readonly VolumeDevice[]
  readonly privileged: boolean
}

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None']
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible']

/** Rules of where a container has its volumes (upstream `ValidateVolumeMounts` and `ValidateVolumeDevices`). */
export function checkVolumeUses(container: Container, volumes: KnownVolumes, found: Findings): void {
  const { volumeMounts: mounts = [] } = container
  const { volumeDevices: devices = [] } = container as { readonly volumeDevices?: readonly VolumeDevice[] }
  if (mounts.length === 0 && devices.length === 0) return
  const uses: Uses = { mounts, devices, privileged: container.securityContext?.privileged === true }
  mounts.forEach((mount, index) => {
    const at = `volumeMounts[${index}]`
    found.within(mount, at, () => checkMount(index, { uses, volumes, found }))
    checkSubPaths(mount, at, found)
    checkPropagation(mount, uses.privileged, found)
    checkRecursion(mount, found)
  })
  found.each(devices, 'volumeDevices', (_, __, index) => checkDevice(index, { uses, volumes, found }))
}

interface Around {
  readonly uses: Uses
  readonly volumes: KnownVolumes
  readonly found: Findings
}

function checkMount(index: number, { uses: { mounts, devices }, volumes, found }: Around): void {
  const { name = '', mountPath = '', subPath, subPathExpr }: Partial<VolumeMount> = mounts[index] ?? {}
  if (name === '') found.required('name')
  if (!volumes.has(name)) found.notFound('name', name)
  if (mountPath === '') found.required('mountPath')
  if (mounts.findIndex((mount) => (mount.mountPath ?? '') === mountPath) < index) {
    found.invalid('mountPath', mountPath, 'must be unique')
  }
  if (devices.some((device) => device.name === name)) {
    found.invalid('name', name, 'must not already exist in volumeDevices')
  }
  if (devices.some((device) => device.devicePath === mountPath)) {
    found.invalid('mountPath', mountPath, 'must not already exist as a path in volumeDevices')
  }
  if (volumes.get(name)?.image === undefined) return
  if (subPath) found.invalid('subPath', subPath, 'not allowed in image volume sources')
  if (subPathExpr) found.invalid('subPathExpr', subPathExpr, 'not allowed in image volume sources')
}

/** Upstream tells these, but for one, at the list. */
function checkSubPaths({ subPath, subPathExpr }: VolumeMount, at: string, found: Findings): void {
  if (subPath) checkDescending('volumeMounts.subPath', subPath, found)
  if (!subPathExpr) return
  if (subPath) found.invalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')
  checkDescending('volumeMounts.subPathExpr', subPathExpr, found)
}

function checkPropagation({ mountPropagation: mode }: VolumeMount, privileged: boolean, found: Findings): void {
  const field = 'volumeMounts.mountPropagation'
  found.oneOf(field, mode, PROPAGATIONS)
  if (mode !== 'Bidirectional' || privileged) return
  found.forbidden(field, 'Bidirectional mount propagation is available only to privileged containers')
}

function checkRecursion(mount: VolumeMount & { readonly recursiveReadOnly?: string }, found: Findings): void {
  const { recursiveReadOnly: recursive, readOnly, mountPropagation = 'None' } = mount
  const field = 'volumeMounts.recursiveReadOnly'
  if (recursive === undefined || recursive === 'Disabled') return
  if (!RECURSIVE.includes(recursive)) {
    found.notSupported(field, recursive, RECURSIVE)
    return
  }
  if (readOnly !== true) found.forbidden(field, 'may only be specified when readOnly is true')
  if (mountPropagation !== 'None') {
    found.forbidden(field, 'may only be specified when mountPropagation is None or not specified')
  }
}

function checkDevice(index: number, { uses: { mounts, devices }, volumes, found }: Around): void {
  const { name = '', devicePath = '' } = devices[index] ?? {}
  const earlier = devices.slice(0, index)
  const volume = volumes.get(name)
  if (name === '') found.required('name')
  else if (earlier.some((device) => device.name === name)) found.invalid('name', name, 'must be unique')
  if (volume === undefined) found.notFound('name', name)
  else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
    const text = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'
    found.invalid('name', name, text)
  }
  if (devicePath === '') found.required('devicePath')
  if (earlier.some((device) => (device.devicePath ?? '') === devicePath && !goesBack(devicePath))) {
    found.invalid('devicePath', devicePath, 'must be unique')
  }
  if (goesBack(devicePath)) found.invalid('devicePath', devicePath, "can not contain backsteps ('..')")
  if (mounts.some((mount) => mount.name === name)) {
    found.invalid('name', name, 'must not already exist in volumeMounts')
  }
  if (mounts.some((mount) => mount.mountPath === devicePath)) {
    found.invalid('devicePath', devicePath, 'must not already exist as a path in volumeMounts')
  }
}
