import type { ApiResponse } from '../request.ts'
import type { ObjectCall } from '../resource-requests.ts'

/** Answers requests for one subresource of an object. @throws StatusError */
export type SubresourceHandler = (call: ObjectCall) => Promise<ApiResponse>
