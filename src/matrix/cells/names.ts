/** How the cluster's DNS answers for Services of each type. */
import { askName, type NameAnswer, rcodeText } from '../ask-name.ts'
import type { Measurement } from '../cell.ts'
import { NAMES } from '../documented.ts'
import type { Lab } from '../lab.ts'
import { EXTERNAL_NAME } from '../scene.ts'

/** `headless.default.svc.cluster.local` */
export function fullName(lab: Lab, service: string): string {
  return `${service}.default.svc.${lab.cluster.spec.clusterDomain}`
}

export async function measureClusterIpName(lab: Lab): Promise<Measurement> {
  const answer = await asked(lab, 'clusterip')
  const isIt = answer.addresses.length === 1 && answer.addresses[0] === lab.clusterIp('clusterip')
  return named(lab, 'clusterip', { answer, value: isIt ? NAMES.clusterIp.value : undefined })
}

export async function measureHeadlessName(lab: Lab): Promise<Measurement> {
  const answer = await asked(lab, 'headless')
  const pods = [...lab.backendAddresses().values()].sort()
  const isIt = answer.addresses.join() === pods.join()
  return named(lab, 'headless', { answer, value: isIt ? NAMES.headless.value : undefined })
}

export async function measureExternalName(lab: Lab): Promise<Measurement> {
  const answer = await asked(lab, 'external')
  const isIt = answer.aliases.length === 1 && answer.aliases[0] === EXTERNAL_NAME
  return named(lab, 'external', { answer, value: isIt ? NAMES.external.value : undefined })
}

function asked(lab: Lab, service: string): Promise<NameAnswer> {
  return askName(lab.from('pod-beside'), lab.cluster.spec.dnsAddress, fullName(lab, service))
}

function named(
  lab: Lab,
  service: string,
  { answer, value }: { readonly answer: NameAnswer; readonly value: string | undefined },
): Measurement {
  const said = [...answer.aliases.map((alias) => `alias ${alias}`), ...answer.addresses]
  const told = said.length === 0 ? rcodeText(answer.rcode) : said.join(', ')
  return { value: value ?? told, evidence: [`${fullName(lab, service)} is ${told}`] }
}
