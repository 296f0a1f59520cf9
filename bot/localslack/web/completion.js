/** Slash commands of the manifest, offered while one is being typed. */

/**
 * What could be meant by `text`: `{insert, name, hint}` for each.
 *
 * A usage hint that lists alternatives, `list | show ID | help`, offers each of them after the command.
 */
export function completions(text, commands) {
  if (!/^\/[^\n]*$/.test(text)) return [];
  const typed = text.toLowerCase();
  const named = commands.find(({ command }) => typed.startsWith(`${command} `));
  if (!named) {
    return commands
      .filter(({ command }) => command.startsWith(typed))
      .map(({ command, description, usage_hint: usage }) => ({
        insert: `${command} `,
        name: command,
        hint: [description, usage].filter(Boolean).join(" · "),
      }));
  }
  const rest = typed.slice(named.command.length + 1);
  return alternatives(named.usage_hint)
    .filter((words) => words.toLowerCase().startsWith(rest) && rest !== words.toLowerCase())
    .map((words) => ({ insert: `${named.command} ${fixedPart(words)}`, name: `${named.command} ${words}` }));
}

function alternatives(usage) {
  if (!usage?.includes("|")) return [];
  return usage
    .replace(/^\[|\]$/g, "")
    .split("|")
    .map((words) => words.trim())
    .filter(Boolean);
}

/** Up to the first word that stands for something: in capitals, brackets or braces. */
function fixedPart(words) {
  const parts = words.split(/\s+/);
  const open = parts.findIndex((word) => /^[[<{]/.test(word) || /^[A-Z_]{2,}$/.test(word));
  return open < 0 ? words : `${parts.slice(0, open).join(" ")} `;
}
