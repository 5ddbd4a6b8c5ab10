// Object identifiers of RPKI objects.

export const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
export const SHA256_RSA = '1.2.840.113549.1.1.11';
export const SHA256 = '2.16.840.1.101.3.4.2.1';
export const COMMON_NAME = '2.5.4.3';
export const SERIAL_NUMBER = '2.5.4.5';

export const BASIC_CONSTRAINTS = '2.5.29.19';
export const SUBJECT_KEY_ID = '2.5.29.14';
export const AUTHORITY_KEY_ID = '2.5.29.35';
export const KEY_USAGE = '2.5.29.15';
export const CRL_POINTS = '2.5.29.31';
export const CRL_NUMBER = '2.5.29.20';
export const POLICIES = '2.5.29.32';
export const AUTHORITY_ACCESS = '1.3.6.1.5.5.7.1.1';
export const SUBJECT_ACCESS = '1.3.6.1.5.5.7.1.11';
export const IP_RESOURCES = '1.3.6.1.5.5.7.1.7';
export const AS_RESOURCES = '1.3.6.1.5.5.7.1.8';
/** Policy of RPKI certificates [RFC 6484]. */
export const RPKI_POLICY = '1.3.6.1.5.5.7.14.2';
export const CPS = '1.3.6.1.5.5.7.2.1';
export const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
export const CA_REPOSITORY = '1.3.6.1.5.5.7.48.5';
export const RPKI_MANIFEST = '1.3.6.1.5.5.7.48.10';
export const SIGNED_OBJECT = '1.3.6.1.5.5.7.48.11';
export const RPKI_NOTIFY = '1.3.6.1.5.5.7.48.13';

export const SIGNED_DATA = '1.2.840.113549.1.7.2';
export const CONTENT_TYPE = '1.2.840.113549.1.9.3';
export const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
export const SIGNING_TIME = '1.2.840.113549.1.9.5';
export const BINARY_SIGNING_TIME = '1.2.840.113549.1.9.16.2.46';
export const ROA = '1.2.840.113549.1.9.16.1.24';
export const MANIFEST = '1.2.840.113549.1.9.16.1.26';
/** RISAVAnnouncement has no number of its own: one from the arc of UUIDs [X.667], which anyone may make. */
export const RISAV_ANNOUNCEMENT = '2.25.213594170395217904183025710834567120913';
