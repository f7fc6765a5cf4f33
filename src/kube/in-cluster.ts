import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../base/error.ts'
import { hostPort } from '../base/ip.ts'
import type { KubeconfigAccess } from './kubeconfig.ts'

/** Where every pod finds its service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * How a pod reaches the API server of its cluster: by its environment and its service account.
 * Source: client-go rest.InClusterConfig
 *
 * @throws FairleadError `INVALID_INPUT` outside of a pod.
 */
export function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>>,
  directory = SERVICE_ACCOUNT,
): KubeconfigAccess {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment
  const [token, ca] = [join(directory, 'token'), join(directory, 'ca.crt')]
  if (!host || !port || !existsSync(token)) {
    const lacking = !host || !port ? 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT' : token
    throw new FairleadError('INVALID_INPUT', `Cannot use the service account of a pod: there is no ${lacking}`, {
      hint: 'Outside of a pod, give --kubeconfig',
    })
  }
  return {
    context: 'in-cluster',
    server: `https://${hostPort(host, port)}`,
    ...(existsSync(ca) ? { caPem: readFileSync(ca, 'utf8') } : {}),
    credentials: { type: 'token-file', path: token },
  }
}
