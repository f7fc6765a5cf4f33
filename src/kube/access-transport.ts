import { type Clock, systemClock } from '../base/clock.ts'
import { tokenFromProgram } from './exec-credential.ts'
import { createHttpsTransport, type HttpsTransport, type HttpsTransportOptions } from './https-transport.ts'
import type { KubeconfigAccess, KubeconfigCredentials } from './kubeconfig.ts'
import { tokenFromFile } from './token-file.ts'

/**
 * A transport with the credentials of a kubeconfig or a service account; tokens that expire are renewed.
 *
 * @throws FairleadError `INVALID_INPUT`, `PROCESS_FAILED` when the credentials cannot be had.
 */
export function createAccessTransport(
  { server, caPem, serverName, credentials }: KubeconfigAccess,
  clock: Clock = systemClock,
): HttpsTransport {
  return createHttpsTransport({
    server,
    ...(caPem === undefined ? {} : { caPem }),
    ...(serverName === undefined ? {} : { serverName }),
    ...identityOf(credentials, clock),
  })
}

function identityOf(credentials: KubeconfigCredentials, clock: Clock): Partial<HttpsTransportOptions> {
  switch (credentials.type) {
    case 'certificate':
      return { clientCertificatePem: credentials.certificatePem, clientKeyPem: credentials.keyPem }
    case 'token':
      return { token: credentials.token }
    case 'token-file':
      return { token: tokenFromFile(credentials.path, clock) }
    case 'exec':
      return { token: tokenFromProgram(credentials.plugin, clock) }
    case 'none':
      return {}
  }
}
