import { FairleadError } from '../../base/error.ts'

export interface CloudRefusal {
  readonly action: string
  /** As the API has it, such as `OperationDenied.DeleteProtectionIsOn`. */
  readonly apiCode: string
  readonly requestId: string
  readonly reason: string
}

/** A refusal by the cloud. The message has the form that the SDKs of ACK's controller give it. */
export class CloudError extends FairleadError {
  readonly refusal: CloudRefusal

  constructor(refusal: CloudRefusal) {
    const { action, apiCode, requestId, reason } = refusal
    super(
      'CLOUD_REFUSED',
      `[SDKError] API: ${action}, ErrorCode: ${apiCode}, RequestId: ${requestId}, Message: ${reason}`,
    )
    this.name = 'CloudError'
    this.refusal = refusal
  }
}

/** Whether the cloud refused, with one of these codes. */
export function isCloudError(error: unknown, ...codes: readonly string[]): error is CloudError {
  return error instanceof CloudError && (codes.length === 0 || codes.includes(error.refusal.apiCode))
}

/** The instance does not exist (any more). */
export function isInstanceGone(error: unknown): boolean {
  return (
    isCloudError(error, 'InvalidLoadBalancerId.NotFound', 'ResourceNotFound.loadBalancer') ||
    (isCloudError(error) && error.refusal.reason.includes('LoadBalancerId does not exist'))
  )
}

/** The account has too many of something, or too little money for one more. */
export function isQuotaExhausted(error: unknown): boolean {
  return isCloudError(error) && /Quota|OverLimit|SizeLimitExceeded|LimitExceed/i.test(error.refusal.apiCode)
}

/** The account has bills to pay, or not enough to pay more. */
export function isUnpaid(error: unknown): boolean {
  return isCloudError(error) && /INSUFFICIENT_?BALANCE|ARREARAGE|UnpaidBills/i.test(error.refusal.apiCode)
}

/** Called too often. */
export function isThrottled(error: unknown): boolean {
  return isCloudError(error) && /^Throttling/.test(error.refusal.apiCode)
}
