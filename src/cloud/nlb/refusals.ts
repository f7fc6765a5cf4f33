import type { Action } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'

/** Codes of what all products share, as NLB has them. */
const CODES: ReadonlyMap<string, string> = new Map([
  ['InvalidParam.TagKey', 'IllegalParam.TagKey'],
  ['InvalidParam.TagValue', 'IllegalParam.TagValue'],
  ['SizeLimitExceeded.Tag', 'IllegalParamSize.Tag'],
  ['InvalidVSwitchId.IpNotEnough', 'ResourceNotEnough.VSwitchIp'],
  ['InvalidIp.IpAssigned', 'ResourceInUse.IP'],
  ['InvalidIPAddress.NotInVSwitch', 'IllegalParam.PrivateIPv4Address'],
  ['OperationFailed.RegionResourceLimit', 'ResourceNotEnough.PublicIp'],
  ['QuotaExceeded.Eip', 'QuotaExceeded.QuotaInsufficient'],
])

/**
 * Makes an action refuse in the words of NLB: `IllegalParam.…`, `MissingParam.…`. With `DryRun=true` everything is
 * checked, nothing done, and the answer is the refusal `DryRunOperation`.
 */
export function inNlbWords(action: Action): Action {
  return (call) => {
    try {
      const dryRun = call.parameters.boolean('DryRun') === true
      const answer = action(call)
      if (!dryRun) return answer
    } catch (error) {
      throw error instanceof Refusal ? reworded(error) : error
    }
    // Thrown, so that the transaction leaves nothing.
    throw new Refusal('DryRunOperation', 'Request validation has been passed with DryRun flag set.')
  }
}

function reworded({ apiCode, message, status }: Refusal): Refusal {
  return new Refusal(codeOf(apiCode), message, status)
}

function codeOf(code: string): string {
  const known = CODES.get(code)
  if (known !== undefined) return known
  const [, illegal] = /^InvalidParameter\.(?:\w+\.)*(\w+)$/.exec(code) ?? []
  if (illegal !== undefined) return `IllegalParam.${illegal}`
  const [, missing] = /^Missing(?!Param)(?:\w+\.)*(\w+)$/.exec(code) ?? []
  return missing === undefined ? code : `MissingParam.${missing}`
}
