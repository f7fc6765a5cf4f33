/**
 * Numbers of nf_tables' wire format, named as in the kernel's headers.
 * Source: include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h
 */

/** Subsystem of every nf_tables message: the high byte of the message type. */
export const NFNL_SUBSYS_NFTABLES = 10
export const NFNL_MSG_BATCH_BEGIN = 0x10
export const NFNL_MSG_BATCH_END = 0x11
export const NFNL_BATCH_GENID = 1

export const NFT_MSG_NEWTABLE = 0
export const NFT_MSG_GETTABLE = 1
export const NFT_MSG_DELTABLE = 2
export const NFT_MSG_NEWCHAIN = 3
export const NFT_MSG_GETCHAIN = 4
export const NFT_MSG_DELCHAIN = 5
export const NFT_MSG_NEWRULE = 6
export const NFT_MSG_GETRULE = 7
export const NFT_MSG_DELRULE = 8
export const NFT_MSG_NEWSET = 9
export const NFT_MSG_GETSET = 10
export const NFT_MSG_DELSET = 11
export const NFT_MSG_NEWSETELEM = 12
export const NFT_MSG_GETSETELEM = 13
export const NFT_MSG_DELSETELEM = 14
export const NFT_MSG_NEWGEN = 15
export const NFT_MSG_GETGEN = 16
export const NFT_MSG_TRACE = 17
export const NFT_MSG_NEWOBJ = 18

export const NFTA_LIST_ELEM = 1

export const NFTA_TABLE_NAME = 1
export const NFTA_TABLE_FLAGS = 2
export const NFT_TABLE_F_OWNER = 2
export const NFTA_TABLE_HANDLE = 4
export const NFTA_TABLE_USERDATA = 6

export const NFTA_CHAIN_TABLE = 1
export const NFTA_CHAIN_HANDLE = 2
export const NFTA_CHAIN_NAME = 3
export const NFTA_CHAIN_HOOK = 4
export const NFTA_CHAIN_POLICY = 5
export const NFTA_CHAIN_TYPE = 7
export const NFTA_CHAIN_USERDATA = 12
export const NFTA_HOOK_HOOKNUM = 1
export const NFTA_HOOK_PRIORITY = 2
export const NFTA_HOOK_DEV = 3

export const NFTA_RULE_TABLE = 1
export const NFTA_RULE_CHAIN = 2
export const NFTA_RULE_HANDLE = 3
export const NFTA_RULE_EXPRESSIONS = 4
export const NFTA_RULE_POSITION = 6
export const NFTA_RULE_USERDATA = 7
export const NFTA_EXPR_NAME = 1
export const NFTA_EXPR_DATA = 2

export const NFTA_SET_TABLE = 1
export const NFTA_SET_NAME = 2
export const NFTA_SET_FLAGS = 3
export const NFTA_SET_KEY_TYPE = 4
export const NFTA_SET_KEY_LEN = 5
export const NFTA_SET_DATA_TYPE = 6
export const NFTA_SET_DATA_LEN = 7
export const NFTA_SET_DESC = 9
export const NFTA_SET_ID = 10
export const NFTA_SET_TIMEOUT = 11
export const NFTA_SET_USERDATA = 13
export const NFTA_SET_HANDLE = 16
export const NFTA_SET_EXPR = 17
export const NFTA_SET_DESC_SIZE = 1
export const NFTA_SET_DESC_CONCAT = 2
export const NFTA_SET_FIELD_LEN = 1
export const NFT_SET_ANONYMOUS = 0x1
export const NFT_SET_CONSTANT = 0x2
export const NFT_SET_INTERVAL = 0x4
export const NFT_SET_MAP = 0x8
export const NFT_SET_TIMEOUT = 0x10
export const NFT_SET_EVAL = 0x20
export const NFT_SET_CONCAT = 0x80
/** The data type of a verdict map. */
export const NFT_DATA_VERDICT = 0xffffff00

export const NFTA_SET_ELEM_KEY = 1
export const NFTA_SET_ELEM_DATA = 2
export const NFTA_SET_ELEM_FLAGS = 3
export const NFTA_SET_ELEM_TIMEOUT = 4
export const NFTA_SET_ELEM_EXPIRATION = 5
export const NFTA_SET_ELEM_USERDATA = 6
export const NFTA_SET_ELEM_EXPR = 7
export const NFTA_SET_ELEM_KEY_END = 10
export const NFT_SET_ELEM_INTERVAL_END = 1
export const NFT_SET_ELEM_CATCHALL = 2
export const NFTA_SET_ELEM_LIST_TABLE = 1
export const NFTA_SET_ELEM_LIST_SET = 2
export const NFTA_SET_ELEM_LIST_ELEMENTS = 3

export const NFTA_DATA_VALUE = 1
export const NFTA_DATA_VERDICT = 2
export const NFTA_VERDICT_CODE = 1
export const NFTA_VERDICT_CHAIN = 2

export const NFTA_OBJ_TABLE = 1
export const NFTA_OBJ_NAME = 2
export const NFTA_OBJ_TYPE = 3
export const NFTA_OBJ_DATA = 4
export const NFT_OBJECT_CT_TIMEOUT = 7
export const NFTA_CT_TIMEOUT_L3PROTO = 1
export const NFTA_CT_TIMEOUT_L4PROTO = 2
export const NFTA_CT_TIMEOUT_DATA = 3
/** Of a TCP timeout policy (nfnetlink_cttimeout.h). */
export const CTA_TIMEOUT_TCP_ESTABLISHED = 3

export const NFTA_GEN_ID = 1

export const NFNLGRP_NFTRACE = 9
export const NFTA_TRACE_TABLE = 1
export const NFTA_TRACE_CHAIN = 2
export const NFTA_TRACE_RULE_HANDLE = 3
export const NFTA_TRACE_TYPE = 4
export const NFTA_TRACE_VERDICT = 5
export const NFTA_TRACE_ID = 6
export const NFTA_TRACE_NETWORK_HEADER = 8
export const NFTA_TRACE_TRANSPORT_HEADER = 9
export const NFTA_TRACE_IIF = 10
export const NFTA_TRACE_OIF = 12
export const NFTA_TRACE_MARK = 14
export const NFTA_TRACE_POLICY = 16

/** User data of libnftnl: `type, length, value` with one byte each for type and length. */
export const NFTNL_UDATA_RULE_COMMENT = 0
export const NFTNL_UDATA_TABLE_COMMENT = 0
export const NFTNL_UDATA_CHAIN_COMMENT = 0
export const NFTNL_UDATA_SET_ELEM_COMMENT = 0
export const NFTNL_UDATA_SET_KEYBYTEORDER = 0
export const NFTNL_UDATA_SET_DATABYTEORDER = 1
export const NFTNL_UDATA_SET_KEY_TYPEOF = 3
export const NFTNL_UDATA_SET_DATA_TYPEOF = 4
export const NFTNL_UDATA_SET_DATA_INTERVAL = 6
export const NFTNL_UDATA_SET_COMMENT = 7
