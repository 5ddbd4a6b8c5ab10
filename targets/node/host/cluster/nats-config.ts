// What a gateway's file says of NATS. Apart from those who call the library, whose declarations compile only where it is installed.

/** Where the store is, and how this gateway shows who it is. */
export interface NatsConfig {
  servers: string[];
  bucket: string;
  replicas: number;
  /** Files; '': none. */
  credentialsFile: string;
  nkeyFile: string;
  tokenFile: string;
  /** With `passwordFile`; '': none. */
  user: string;
  passwordFile: string;
  caFile: string;
  certificateFile: string;
  certificateKeyFile: string;
}
