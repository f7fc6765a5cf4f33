/** Below this are the names of all Network Load Balancers. */
export const NLB_ZONE = 'nlb.aliyuncs.com'
