// What an older version has left: whether a table is there, and has a column yet.

export function hasColumn(sql: SqlStorage, table: string, column: string): boolean {
  return sql.exec('SELECT 1 FROM pragma_table_info(?) WHERE name = ?', table, column).toArray().length > 0;
}

export function hasTable(sql: SqlStorage, table: string): boolean {
  return sql.exec('SELECT 1 FROM pragma_table_info(?)', table).toArray().length > 0;
}
