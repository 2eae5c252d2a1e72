/** What the folder of an export says of itself, for somebody who has never heard of this product. */
export const exportReadme = ({
  what,
  format,
  items,
  withPages,
}: {
  what: string;
  format: string;
  items: number;
  withPages: boolean;
}): string => `An export of ${items} archived communications: ${what}

What is here
  items/NAME.json          the communication exactly as TeleMessage handed it over, one line of JSON
  items/NAME.outcome.json  what became of it: its place, its hash, and who has it in which mailbox
${format === 'eml' ? '  mails/NAME.eml           the communication as it is filed in mailboxes; any mail program opens it\n' : ''}${format === 'rsmf' ? '  rsmf/*.rsmf              one file per conversation and day, for eDiscovery tools (RSMF 2.0)\n' : ''}  manifests/CONNECTOR/     what was stored together, a chain: each file carries the hash of the one before
${withPages ? '  pages/                   the pages that hold the items. They hold other items as well: treat them with care\n' : ''}  batches/                 the counters of each batch, and the outcomes of the items
  audit/                   who did what with the archive, a chain as well
  chain-CONNECTOR.txt      the hash of each manifest, from the first one here to the newest
  SHA256SUMS               the hash of every file here

NAME is connector, number of the batch and position in it, such as whatsapp-12-345.

How to check it. You need sha256sum and a text editor, and none of the software that made this.

1. Nothing was changed since the export:

     sha256sum --check --quiet SHA256SUMS

2. An item is the one that was archived. Compare the hash of its file with "sha256" in its outcome:

     sha256sum items/NAME.json

${
  withPages
    ? `3. It stands in a page of its batch. "bytes" in its outcome names the page, and the range of bytes in it:

     tail -c +$((OFFSET + 1)) PAGE | head -c LENGTH | sha256sum

   This is the same hash again. The hash of the whole page stands in the manifest of the batch, under "pages":

     sha256sum PAGE

4.`
    : '3.'
} The manifest is a link of the chain. "previousSha256" in each manifest is the hash of the one before it:

     sha256sum manifests/CONNECTOR/*.json

   The files are in the order of the chain, and chain-CONNECTOR.txt repeats the hashes. Compare the hash of the newest
   one with the head in the daily report that the organisation's compliance officer received on the day of the export,
   or on any later day by way of the newer manifests: whoever rebuilt the chain would have another head.

${withPages ? '5.' : '4.'} The entries of audit/ are checked in the same way: "previousSha256" in each is the hash of the one before it.
`;
