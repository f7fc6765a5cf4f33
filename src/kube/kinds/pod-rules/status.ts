import { addressFamily } from '../../../base/ip.ts'
import type { ContainerStatus, Pod, PodStatus, RestartPolicy } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { legacyIpErrors } from '../../validation/ip-fields.ts'
import { qualifiedNameProblems, subdomainProblems } from '../../validation/names.ts'

const OWN_CONDITIONS = ['PodScheduled', 'Ready', 'Initialized']

type Named = PodStatus & { readonly nominatedNodeName?: string }

/** What a write of its status may say of a pod (upstream `ValidatePodStatusUpdate`). */
export function checkStatus({ status = {} }: Pod, old: Pod, found: Findings): void {
  const before: PodStatus = old.status ?? {}
  // Upstream tells it at the metadata.
  found.each(status.conditions, 'metadata.conditions', ({ type = '' }: { type?: string }) => {
    if (!OWN_CONDITIONS.includes(type)) found.problems('Type', type, qualifiedNameProblems(type))
  })
  const { nominatedNodeName: node }: Named = status
  if (node && node !== (before as Named).nominatedNodeName) {
    found.problems('status.nominatedNodeName', node, subdomainProblems(node))
  }
  if (status.qosClass !== before.qosClass) {
    found.invalid('status.qosClass', status.qosClass ?? '', 'field is immutable')
  }
  checkTransitions(status, old, found)
  checkAddresses(status.podIPs, 'status.podIPs', found)
  const [first] = status.hostIPs ?? []
  if (first !== undefined && (status.hostIP ?? '') !== first.ip) {
    found.invalid('status.hostIPs[0].ip', first.ip, 'must be equal to `hostIP`')
  }
  checkAddresses(status.hostIPs, 'status.hostIPs', found)
}

/** What has ended for good does not run again. Containers with rules of their own (KEP-5307) know best. */
function checkTransitions(status: PodStatus, old: Pod, found: Findings): void {
  const { restartPolicy = 'Always', containers, initContainers = [] } = old.spec
  const ruled = [...containers, ...initContainers].filter(
    (container) => container.restartPolicy !== undefined || container.restartPolicyRules !== undefined,
  )
  const excused = ruled.map(({ name }) => name)
  const lists = [
    ['containerStatuses', restartPolicy],
    ['initContainerStatuses', restartPolicy],
    ['ephemeralContainerStatuses', 'Never'],
  ] as const
  const together = ruled.some(({ restartPolicyRules }) => restartPolicyRules?.some(restartsAll))
  for (const [list, policy] of lists) {
    if (policy === 'Always' || together) continue
    found.each(old.status?.[list], `status.${list}`, (before) => {
      if (!isOver(before, policy) || excused.includes(before.name)) return
      for (const { name, state } of status[list] ?? []) {
        if (name !== before.name || state?.terminated !== undefined) continue
        found.forbidden('state', 'may not be transitioned to non-terminated state')
      }
    })
  }
}

function restartsAll({ action }: { readonly action: string }): boolean {
  return action === 'RestartAllContainers'
}

function isOver({ state }: ContainerStatus, policy: RestartPolicy): boolean {
  const ended = state?.terminated
  return ended !== undefined && (ended.exitCode === 0 || policy !== 'OnFailure')
}

/** One address of each family at most. */
function checkAddresses(list: PodStatus['podIPs'], field: string, found: Findings): void {
  if (list === undefined || list.length === 0) return
  found.each(list, field, ({ ip }) => found.add(legacyIpErrors('', ip)))
  if (list.length === 1) return
  const families = new Set(list.map(({ ip }) => addressFamily(ip)))
  if (families.size < 2 || list.length > 2) {
    found.invalid(field, list, 'may specify no more than one IP for each IP family')
  }
  found.each(list, field, (address, _, index) => {
    if (list.findIndex(({ ip }) => ip === address.ip) < index) found.duplicate('', address)
  })
}
