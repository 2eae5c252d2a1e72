/** The connectors. Another network that TeleMessage archives is one more entry here. */

export interface Connector {
  /** Key in settings (upper-cased), blob names, queue messages and counters. */
  id: string;
  /** Path segment of the TeleMessage site. */
  source: string;
  /** Name of the network as people say it, for subjects and bodies. */
  network: string;
  /** Other networks of the same archiver, by a part of the source type. */
  networks?: Readonly<Record<string, string>>;
  /** Folder in each mailbox, named exactly as by Microsoft's connector. */
  folder: string;
  /** Default item class; eDiscovery finds it by `itemclass:` and `kind:externaldata`. */
  itemClass: string;
  /** How an archived message carries its content: as an RFC 5322 mail, or as fields of a chat. */
  format: 'mail' | 'chat';
}

export const connectors = {
  wechat: {
    id: 'wechat',
    source: 'wechat',
    network: 'WeChat',
    networks: { WECOM: 'WeCom' },
    folder: 'WeChat Archiver',
    itemClass: 'IPM.ExternalData.WeChatArchiver',
    format: 'mail',
  },
  whatsapp: {
    id: 'whatsapp',
    source: 'whatsapp',
    network: 'WhatsApp',
    folder: 'WhatsApp Archiver',
    itemClass: 'IPM.ExternalData.WhatsAppArchiver',
    format: 'chat',
  },
} as const satisfies Record<string, Connector>;

/** The network that an item of the connector comes from, by its source type or another word of the source for it. */
export function networkOf({ network, networks = {} }: Connector, source: string): string {
  const word = source.toUpperCase();
  return Object.entries(networks).find(([part]) => word.includes(part))?.[1] ?? network;
}

export type ConnectorId = keyof typeof connectors;
export const connectorIds = Object.keys(connectors) as [ConnectorId, ...ConnectorId[]];
