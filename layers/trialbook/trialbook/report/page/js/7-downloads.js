// Downloads, made in the page.
function save(name, type, text) {
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const BYTE_ORDER_MARK = "\ufeff"; // by which Excel knows UTF-8

// Spreadsheets run a text that begins like a formula: an apostrophe in front keeps it a text. A number is none.
function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (isNumber(value)) return String(value);
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv() {
  const lines = [columns.map((column) => csvCell(column.label)), ...order.map((i) => columns.map((column) => csvCell(column.values[i])))];
  return BYTE_ORDER_MARK + lines.map((cells) => cells.join(",")).join("\r\n") + "\r\n";
}

const fileName = report.sweep.id.replace(/[^A-Za-z0-9._-]+/g, "-");
