// Rules for CoAP between a client (Dev) that posts to a few paths and its server (App), made from the paths alone
// [RFC 8824 §4, §5]. Message IDs and tokens are sent whole, and no octet of a payload is in a rule.
//
//   RuleID     direction
//   000        up       CON POST to the first path, token of one octet: the RuleID is implied, so 3 octets are left of the header
//   001        down     ACK 2.04 without options, token of one octet: likewise
//   010        both     empty messages: CON (ping), ACK, RST
//   011        both     responses without options
//   100iiiii   both     CON and NON; GET, POST, PUT, DELETE to path i
//   11111111   both     anything else

import { refuse } from '../base/refuse.ts';
import {
  CDA_MAPPING_SENT,
  CDA_NOT_SENT,
  CDA_VALUE_SENT,
  DI_BI,
  DI_DW,
  DI_UP,
  type FieldDescriptor,
  FL_TOKEN_LENGTH,
  FL_VARIABLE,
  MO_EQUAL,
  MO_IGNORE,
  MO_MATCH_MAPPING,
  type Rule,
} from '../schc/model.ts';
import {
  COAP_ACK,
  COAP_CHANGED,
  COAP_CON,
  COAP_NON,
  COAP_POST,
  COAP_URI_PATH,
  FID_COAP_CODE,
  FID_COAP_MID,
  FID_COAP_OPTION,
  FID_COAP_TKL,
  FID_COAP_TOKEN,
  FID_COAP_TYPE,
  FID_COAP_VERSION,
} from '../wire/coap.ts';
import { SLOT_NONE } from '../wire/header.ts';

/** Most paths of a set. */
export const COAP_PATHS = 32;

const SLASH = 47;
/** GET, POST, PUT, DELETE. */
const METHODS = /* @__PURE__ */ [1, 2, 3, 4];
/** 2.01 to 2.05, 4.00, 4.04, 5.00. */
const ANSWERS = /* @__PURE__ */ [0x41, 0x42, 0x43, 0x44, 0x45, 0x80, 0x84, 0xa0];

function descriptor(fid: number, fl: number, di: number, tv: Uint8Array[], mo: number, cda: number): FieldDescriptor {
  return { fid: fid, fl: fl, fp: 0, di: di, tv: tv, mo: mo, msb: 0, cda: cda, slot: SLOT_NONE };
}

function one(value: number): Uint8Array {
  const octets = new Uint8Array(1);
  octets[0] = value;
  return octets;
}

function known(fid: number, fl: number, di: number, value: number): FieldDescriptor {
  return descriptor(fid, fl, di, [one(value)], MO_EQUAL, CDA_NOT_SENT);
}

function mapped(fid: number, fl: number, di: number, values: number[]): FieldDescriptor {
  const tv: Uint8Array[] = [];
  for (let i = 0; i < values.length; i++) tv.push(one(values[i]));
  return descriptor(fid, fl, di, tv, MO_MATCH_MAPPING, CDA_MAPPING_SENT);
}

function sent(fid: number, fl: number, di: number): FieldDescriptor {
  return descriptor(fid, fl, di, [], MO_IGNORE, CDA_VALUE_SENT);
}

/** A whole message: type, TKL and code as given, Message ID and token sent, these options. */
function message(
  di: number,
  type: FieldDescriptor,
  tkl: FieldDescriptor,
  code: FieldDescriptor,
  options: FieldDescriptor[],
): FieldDescriptor[] {
  const fields = [known(FID_COAP_VERSION, 2, di, 1), type, tkl, code, sent(FID_COAP_MID, 16, di)];
  fields.push(sent(FID_COAP_TOKEN, FL_TOKEN_LENGTH, di));
  for (let i = 0; i < options.length; i++) fields.push(options[i]);
  return fields;
}

/** `path` as Uri-Path options; `/` separates its parts. */
function pathFields(path: Uint8Array, di: number): FieldDescriptor[] {
  const fields: FieldDescriptor[] = [];
  let begin = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && path[i] !== SLASH) continue;
    if (i > begin) {
      const part = new Uint8Array(i - begin);
      for (let k = 0; k < part.length; k++) part[k] = path[begin + k];
      fields.push(descriptor(FID_COAP_OPTION + COAP_URI_PATH, FL_VARIABLE, di, [part], MO_EQUAL, CDA_NOT_SENT));
    }
    begin = i + 1;
  }
  return fields;
}

/**
 * The rules for these paths (UTF-8, 1 .. COAP_PATHS of them), the one that is posted to most first. Both sides make the same from
 * the same paths.
 */
export function coapRuleSet(paths: Uint8Array[]): Rule[] {
  if (paths.length < 1 || paths.length > COAP_PATHS) refuse('paths', paths.length, 'must be 1..' + COAP_PATHS);
  const first = pathFields(paths[0], DI_UP);
  const tkl = sent(FID_COAP_TKL, 4, DI_BI);
  const rules: Rule[] = [
    {
      ruleId: 0,
      ruleIdLength: 3,
      fields: message(
        DI_UP,
        known(FID_COAP_TYPE, 2, DI_UP, COAP_CON),
        known(FID_COAP_TKL, 4, DI_UP, 1),
        known(FID_COAP_CODE, 8, DI_UP, COAP_POST),
        first,
      ),
    },
    {
      ruleId: 1,
      ruleIdLength: 3,
      fields: message(
        DI_DW,
        known(FID_COAP_TYPE, 2, DI_DW, COAP_ACK),
        known(FID_COAP_TKL, 4, DI_DW, 1),
        known(FID_COAP_CODE, 8, DI_DW, COAP_CHANGED),
        [],
      ),
    },
    {
      ruleId: 2,
      ruleIdLength: 3,
      // Without a token.
      fields: [
        known(FID_COAP_VERSION, 2, DI_BI, 1),
        sent(FID_COAP_TYPE, 2, DI_BI),
        known(FID_COAP_TKL, 4, DI_BI, 0),
        known(FID_COAP_CODE, 8, DI_BI, 0),
        sent(FID_COAP_MID, 16, DI_BI),
      ],
    },
    {
      ruleId: 3,
      ruleIdLength: 3,
      fields: message(
        DI_BI,
        mapped(FID_COAP_TYPE, 2, DI_BI, [COAP_ACK, COAP_CON, COAP_NON]),
        tkl,
        mapped(FID_COAP_CODE, 8, DI_BI, ANSWERS),
        [],
      ),
    },
  ];
  for (let i = 0; i < paths.length; i++) {
    const type = mapped(FID_COAP_TYPE, 2, DI_BI, [COAP_CON, COAP_NON]);
    const code = mapped(FID_COAP_CODE, 8, DI_BI, METHODS);
    const fields = message(DI_BI, type, tkl, code, pathFields(paths[i], DI_BI));
    rules.push({ ruleId: 0x80 + i, ruleIdLength: 8, fields: fields });
  }
  rules.push({ ruleId: 0xff, ruleIdLength: 8, fields: [] });
  return rules;
}
