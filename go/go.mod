module github.com/bowyer-arrow/bowyer/go

go 1.25.0

require (
	github.com/apache/arrow-go/v18 v18.8.0
	google.golang.org/protobuf v1.36.12
)
