/** The connectors. Another network that TeleMessage archives is one more entry here. */

export interface Connector {
  /** Key in settings (upper-cased), blob names, queue messages and counters. */
  id: string;
  /** Path segment of the TeleMessage site. */
  source: string;
  /** Name of the network as people say it, for subjects and bodies. */
  network: string;
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

export type ConnectorId = keyof typeof connectors;
export const connectorIds = Object.keys(connectors) as [ConnectorId, ...ConnectorId[]];
