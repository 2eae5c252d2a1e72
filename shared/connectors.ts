/** The archivers this app replaces. Another network that TeleMessage archives is one more entry here. */

export interface Connector {
  /** Key in settings (upper-cased), blob names, queue messages and counters. */
  id: string;
  /** Path segment of the TeleMessage site. */
  source: string;
  /** Name of the network as people say it; stands in subjects and bodies. */
  network: string;
  /** Folder in each mailbox, exactly as Microsoft's connector names it. */
  folder: string;
  /** Default item class; eDiscovery finds it by `itemclass:` and `kind:externaldata`. */
  itemClass: string;
  /** How the archived message carries its content: an RFC 5322 mail, or the fields of the chat itself. */
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
