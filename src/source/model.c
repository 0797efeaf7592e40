/*
 * Finding things in a schema, whatever made it.
 */
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/schema.h"

const struct relation *schema_find(const struct schema *schema, const char *name)
{
    const struct relation *found = NULL;

    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];

        if (strcmp(relation->name, name) == 0)
            return relation;
        if (!found && strcasecmp(relation->name, name) == 0)
            found = relation;
    }
    return found;
}

size_t relation_column(const struct relation *relation, const char *name)
{
    for (size_t i = 0; i < relation->column_count; i++)
        if (strcasecmp(relation->columns[i].name, name) == 0)
            return i;
    return NO_COLUMN;
}

bool relation_column_indexed(const struct relation *relation, size_t column)
{
    if (column == NO_COLUMN || column >= relation->column_count)
        return false;
    if (column == relation->rowid_column)
        return true;
    for (size_t i = 0; i < relation->index_count; i++)
        if (relation->indexes[i].usable > 0 && relation->indexes[i].columns[0] == column)
            return true;
    return false;
}
