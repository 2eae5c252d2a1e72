/** The languages of the connectors' own documentation, in which the app writes words of its own. */
export const languages = ['en', 'ko', 'zh-CN', 'sv', 'fr'] as const;
export type Language = (typeof languages)[number];
